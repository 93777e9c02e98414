// A whole server in the test's process, with a slot that converts without codecs and waits when it
// is told to; and a client that sends exactly the bytes that it is given.
#pragma once

#include "actors/orchestra.hpp"
#include "http/server.hpp"
#include "persistence/blob_outputs.hpp"
#include "tests/support/scratch.hpp"

#include <boost/json.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace darkroom::tests {

struct reply {
  int status = 0;                             // 0: the connection ended without one
  std::map<std::string, std::string> headers; // names in lower case
  std::string body;
  std::string header(const std::string& name) const;
  boost::json::value json() const;
  std::string code() const; // of a problem
};

// One connection.
class wire {
public:
  explicit wire(std::uint16_t port);
  ~wire();
  wire(const wire&) = delete;
  wire& operator=(const wire&) = delete;

  void send(const std::string& bytes);
  // The next answer; to a HEAD request it has no body.
  reply read(bool head = false);
  // Waits for the first bytes of an answer.
  void await_bytes();
  // Waits until the server closes, or says more; true: closed.
  bool closes();
  // Adds the next chunk of a chunked body; false at its end, or at that of the connection.
  bool read_chunk(std::string& to);
  // Whether the rest of a chunked body is followed by the end of the connection.
  bool closes_after_chunks();

private:
  bool fill();
  int fd_ = -1;
  std::string input_;
};

// Holds conversions back.
class gate {
public:
  void close();
  void open();
  // In a slot's thread: false when the lease was interrupted meanwhile.
  bool pass(domain::lease_id lease);
  void interrupt(domain::lease_id lease);
  std::size_t waiting();

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  std::size_t waiting_ = 0;
  domain::lease_id interrupted_ = 0;
};

class edge {
public:
  explicit edge(const std::function<void(config::settings&)>& change = {}, std::size_t slots = 2);
  ~edge();

  std::uint16_t port() const { return port_; }
  // The token of a user; made when it is asked for first. "admin" is one.
  const std::string& token(const std::string& user);
  using headers = std::vector<std::pair<std::string, std::string>>;
  // One request on a connection of its own. `as`: the user; empty: nobody.
  reply call(const std::string& as, const std::string& method, const std::string& path,
             const std::string& body = {}, const headers& more = {});
  // A batch of this user, as a draft; its id.
  std::string batch(const std::string& as, const std::string& more = {});
  // Uploads a picture of these bytes.
  reply put(const std::string& as, const std::string& id, const std::string& path,
            const std::string& bytes);
  // Waits until the batch is in this state.
  void await_state(const std::string& as, const std::string& id, const std::string& state);
  // Stops the server and the actors and begins again on the same folder.
  void restart();
  void drain() { server_->drain(); }
  std::vector<persistence::audit_entry> audit();
  std::size_t blobs_on_disk() const;
  std::vector<std::string> announced();

  gate conversions, previews;
  http::services& services() { return server_->shared(); }

private:
  void start();
  void stop();

  scratch directory_;
  config::settings settings_;
  std::size_t slots_;
  std::map<std::string, std::string> tokens_;
  std::unique_ptr<persistence::blob_store> blobs_;
  std::unique_ptr<actors::orchestra> actors_;
  std::unique_ptr<http::server> server_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> announced_;
};

// Waits for something to become true, with a deadline.
bool comes_true(const std::function<bool()>& condition);

// Bytes that the slot takes for a picture.
std::string picture(const std::string& content);

} // namespace darkroom::tests
