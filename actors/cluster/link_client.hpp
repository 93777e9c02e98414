// A worker's side of the link: connects, shows its certificate, greets, and carries the bytes of
// the actor system from then on. One thread.
#pragma once

#include "actors/cluster/link_hello.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <functional>
#include <memory>
#include <string>

namespace darkroom::actors {

struct link_client_options {
  std::string host, port;
  std::string identity; // file: certificate, key, authority's certificate
  link_hello hello;
};

struct link_refusal {
  std::string code; // the server's, or "unreachable", "not_trusted", "bad_identity"
  std::string text; // a sentence
};

class link_client {
public:
  // Blocks for at most `link_handshake_ms` twice. `ended` is called from its thread when the link
  // is lost.
  static base::result<std::unique_ptr<link_client>, link_refusal>
  connect(link_client_options options, std::function<void()> ended);
  ~link_client();

  const link_answer& answer() const;
  // The end of the link that is for the actor system; once.
  base::unique_fd take_socket();

private:
  struct parts;
  explicit link_client(std::shared_ptr<parts> made) : parts_(std::move(made)) {}
  std::shared_ptr<parts> parts_;
};

} // namespace darkroom::actors
