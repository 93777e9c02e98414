// The edge: listens, keeps its limits, and serves every connection in a few threads.
#pragma once

#include "base/result.hpp"
#include "http/services.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace darkroom::http {

class server {
public:
  // What it uses outlives it; the actors may end first, once it was stopped. `log_key`: secret, for
  // the names of users in the log.
  server(const config::settings& settings, actors::orchestra& actors,
         persistence::blob_store& blobs, std::shared_ptr<persistence::output_store> outputs,
         format_facts formats, std::string log_key);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  // Takes the ports, where connections then wait; the error is a sentence that says what to change.
  base::result<void, std::string> bind();
  // Begins to serve, after `bind` or with it.
  base::result<void, std::string> listen();
  // Where it listens: HOST:PORT, the port as it was given by the system.
  std::string address() const;

  services& shared();

  // Takes what a reload may change; new connections get the certificate that is there now. From any
  // thread. After an error, a sentence, everything is as before.
  base::result<void, std::string> reload(const config::settings& settings);

  // Readiness fails, nobody new is let in, requests under way are answered.
  void drain();
  // Ends all connections, waiting at most so long for answers that are being sent.
  void stop(std::chrono::milliseconds most);

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

// Whether addresses and networks among the settings can be: the sentence has the key in it. Without
// TLS only what this machine alone can reach is listened on, unless told otherwise.
base::result<void, std::string> check_network(const config::settings& settings);

} // namespace darkroom::http
