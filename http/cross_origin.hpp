// Requests of pages from other origins (the CORS protocol of the Fetch standard): only for those
// that http.allowed_origins lists. Credentials are tokens in headers, so
// Access-Control-Allow-Credentials is never sent.
#pragma once

#include "http/route_result.hpp"

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::http {

// Origins of other servers whose pages may use this one. Thread-safe.
class origin_list {
public:
  explicit origin_list(std::vector<std::string> listed) : listed_(std::move(listed)) {}
  bool has(std::string_view origin) const;
  bool empty() const;
  void set(std::vector<std::string> listed);

private:
  mutable std::mutex mutex_;
  std::vector<std::string> listed_;
};

bool is_preflight(const request& rq);
// `methods`: those of the path.
route_result answer_preflight(const request& rq, const std::vector<std::string>& methods,
                              const origin_list& allowed);

// Lets the page of a listed origin read the response.
void add_cross_origin_headers(response& to, const request& rq, const origin_list& allowed);

} // namespace darkroom::http
