// Requests of pages from other origins (the CORS protocol of the Fetch standard): only for those
// that http.allowed_origins lists. Credentials are tokens in headers, so
// Access-Control-Allow-Credentials is never sent.
#pragma once

#include "http/route_result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace darkroom::http {

bool is_listed_origin(std::string_view origin, const std::vector<std::string>& allowed);

bool is_preflight(const request& rq);
// `methods`: those of the path.
route_result answer_preflight(const request& rq, const std::vector<std::string>& methods,
                              const std::vector<std::string>& allowed);

// Lets the page of a listed origin read the response.
void add_cross_origin_headers(response& to, const request& rq,
                              const std::vector<std::string>& allowed);

} // namespace darkroom::http
