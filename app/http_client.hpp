// A client of the server's own interface, for the command line: blocking, one connection.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::app {

struct server_account {
  std::string url;   // http://HOST:PORT
  std::string token; // dr_…
};

// Flags go before the environment (DARKROOM_SERVER, DARKROOM_TOKEN), that before
// ~/.config/darkroom/credentials, which nobody else may read. The error is a sentence.
base::result<server_account, std::string> read_account(const std::string& url_flag,
                                                       const std::string& token_flag);

struct http_reply {
  long status = 0; // 0: there was none, see `error`
  std::string body, error;
  std::string etag, content_range;
  // A sentence that says what went wrong.
  std::string problem() const;
};

class http_client {
public:
  explicit http_client(server_account account);
  ~http_client();
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  using headers = std::vector<std::string>; // "Name: value"
  http_reply send(const std::string& method, const std::string& path, const std::string& body = {},
                  const headers& more = {});
  // Sends a file as the body.
  http_reply put_file(const std::string& path, const std::string& file, std::uint64_t bytes,
                      const headers& more = {});
  // Hands the body of a successful answer on, a piece at a time; false ends it.
  http_reply get(const std::string& path, const headers& more,
                 const std::function<bool(std::string_view)>& piece);
  // While a piece is handed on: whether the answer is a part of the whole (206).
  bool partial() const;

private:
  struct parts;
  http_reply perform(const headers& more);
  std::unique_ptr<parts> parts_;
};

// A path's parts encoded for a URL, its slashes kept.
std::string url_path(std::string_view path);

} // namespace darkroom::app
