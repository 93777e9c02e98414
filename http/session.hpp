// One connection: requests in, one after the other, answers out in the same order.
#pragma once

#include "http/eviction_list.hpp"
#include "http/limits.hpp"
#include "http/message.hpp"
#include "http/transport.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace darkroom::http {

// Answers one request; never throws.
using request_handler = std::function<task<response>(request&, body_reader&)>;
// Told when an answer is on its way, with the bytes of its body.
using request_log = std::function<void(const request&, const response&, std::uint64_t bytes)>;

// Reads the blocking parts of an answer in other threads.
using file_reader =
    std::function<task<std::int64_t>(int file, std::span<char> into, std::uint64_t at)>;

struct session_parts {
  request_handler handle;
  request_log log;
  file_reader read_file;
  std::shared_ptr<eviction_list> lingering;        // connections that were answered early
  std::function<void(std::uint64_t)> dropped;      // counts bytes that were read in vain
  std::chrono::milliseconds idle{limits::idle_ms}; // wait for a request
  bool over_limit = false;                         // one request, and of health only
};

class session : public std::enable_shared_from_this<session> {
public:
  session(transport::socket connected, boost::asio::ssl::context* tls,
          std::shared_ptr<const session_parts> parts);

  // Serves the connection to its end.
  task<void> run();
  // Ends it after the request that is under way, if any. From any thread.
  void stop();
  // Ends it now. From any thread.
  void abort();
  // Ends it in favour of another one; if there was no request, with 503. From any thread.
  void evict();

private:
  class request_body;
  class response_body;

  // Reads a head; nothing when the connection ends. A problem is answered, and ends it.
  enum class head_result : std::uint8_t { complete, ended, refused };
  task<head_result> read_head(std::optional<problem>& refused, std::size_t& head_bytes);
  task<bool> serve_one(); // whether there may be another
  task<bool> respond(const request& rq, response& answer, bool keep_alive);
  task<bool> send_file(const file_body& body);
  task<void> upgrade(const request& rq, response& answer);
  task<void> refuse(const problem& p);
  task<void> finish();
  task<void> refuse_plain_text();
  task<bool> send(std::string_view a, std::string_view b = {});

  transport wire_;
  std::shared_ptr<const session_parts> parts_;
  std::vector<char> input_; // what has come and was not used yet
  std::size_t input_size_ = 0;
  std::size_t served_ = 0;
  // What the connection waits for decides what a stop gives up.
  enum class waits_for : std::uint8_t { head, body, nothing_more, other };
  waits_for waits_ = waits_for::head;
  // Of the request that was answered last; bytes that the client may still send of it.
  std::uint64_t unread_bytes_ = 0;
  bool evicted_ = false;
  std::atomic<bool> stopping_ = false;
};

} // namespace darkroom::http
