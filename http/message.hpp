// Requests and responses as routes see them: plain data, and a body that comes or goes in pieces.
#pragma once

#include "base/result.hpp"
#include "http/problem.hpp"
#include "persistence/files.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace darkroom::http {

template<class T>
using task = boost::asio::awaitable<T>;

// Words of headers: compared without regard to case; without blanks around them.
bool same_word(std::string_view a, std::string_view b);
std::string_view trimmed(std::string_view text);
// The time now, as a header has it (RFC 9110, section 5.6.7).
std::string http_date();

struct request {
  std::string id;                    // to find it again in the log
  std::string method;                // as sent
  std::string target;                // the path as sent, without the query
  std::vector<std::string> segments; // of the path, decoded
  std::vector<std::pair<std::string, std::string>> query;
  header_list headers;
  std::string route;   // the pattern of its route, or "none": safe to log
  std::string address; // of the client
  bool secure = false; // came over TLS
  bool http_1_1 = true;
  bool keep_alive = true;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;

  // Empty when it is not there; names without regard to case.
  std::string_view header(std::string_view name) const;
  std::size_t count(std::string_view header_name) const;
  std::optional<std::string> parameter(std::string_view name) const;
  std::string user; // once it is known, for the log
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
  bool has_body() const { return chunked || content_length.value_or(0) != 0; }
};

// Reads the target of a request line, in origin or absolute form (RFC 9112, section 3.2), into
// target, segments and query; the authority of an absolute form replaces the Host header. False
// when it is not well formed.
bool read_target(request& rq, std::string_view target);

// The body of a request. What is not read is skipped or closes the connection.
class body_reader {
public:
  virtual ~body_reader() = default;
  // The next piece, empty at the end; valid until the next call. The first call lets a client that
  // expects 100-continue go on.
  virtual task<base::result<std::span<const char>, problem>> read() = 0;
};

// Where the pieces of a streamed answer go.
class body_writer {
public:
  virtual ~body_writer() = default;
  // False when the client is gone or too slow: then end.
  virtual task<bool> write(std::string_view piece) = 0;
  // Calls back once, on the strand, when the client has closed the connection, if that can be told.
  virtual void when_gone(std::function<void()> call) = 0;
  // Gives up a write that waits, and the connection. On the strand.
  virtual void abort() = 0;
  virtual boost::asio::any_io_executor executor() = 0;
};

// Bytes of one file.
struct file_body {
  std::shared_ptr<base::unique_fd> file;
  std::uint64_t first = 0, length = 0;
  std::shared_ptr<const void> held; // until it was sent
};
// Pieces as they are made; false: something broke, the connection is closed so that the client
// sees.
struct stream_body {
  std::function<task<bool>(body_writer&)> write;
  std::optional<std::uint64_t> length; // none: chunked
};

class web_socket;

// The connection changes to the WebSocket protocol, and is `serve`'s until it returns.
struct upgrade_body {
  std::function<task<void>(web_socket&)> serve;
  std::chrono::seconds idle{30}; // without a word of the client: it is gone
};

struct response {
  unsigned status = 200;
  header_list headers;
  std::variant<std::string, file_body, stream_body, upgrade_body> body;
  std::optional<problem_code> refused; // for the log
  bool closes = false;                 // the connection ends with it

  response& with(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
};

response json_response(unsigned status, std::string body);
// How what came of a request is sent: the only way from a problem to its response.
response to_response(base::result<response, problem>&& outcome, const request& rq);

} // namespace darkroom::http
