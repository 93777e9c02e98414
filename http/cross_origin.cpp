#include "http/cross_origin.hpp"

#include "http/limits.hpp"

#include <algorithm>

namespace darkroom::http {

namespace {

// Beyond those that every page may send (Fetch, "CORS-safelisted request-header").
constexpr std::string_view request_headers = "Authorization, Content-Type, Idempotency-Key, "
                                             "If-Match, If-None-Match, If-Range, Last-Event-ID, "
                                             "Prefer, Range, Repr-Digest, X-Request-Id";
constexpr std::string_view response_headers =
    "Accept-Ranges, Content-Disposition, Content-Range, Darkroom-Estimated-Bytes, Darkroom-Losses, "
    "Darkroom-Ms, Darkroom-Output-Bytes, Darkroom-Output-Size, ETag, Idempotent-Replayed, Link, "
    "Location, Preference-Applied, RateLimit, RateLimit-Policy, Repr-Digest, Retry-After, "
    "WWW-Authenticate, X-Request-Id";

} // namespace

bool origin_list::has(std::string_view origin) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::find(listed_, origin) != listed_.end();
}

bool origin_list::empty() const {
  const std::lock_guard lock(mutex_);
  return listed_.empty();
}

void origin_list::set(std::vector<std::string> listed) {
  const std::lock_guard lock(mutex_);
  listed_ = std::move(listed);
}

bool is_preflight(const request& rq) {
  return rq.method == "OPTIONS" && !rq.header("Origin").empty() &&
         !rq.header("Access-Control-Request-Method").empty();
}

route_result answer_preflight(const request& rq, const std::vector<std::string>& methods,
                              const origin_list& allowed) {
  if (methods.empty()) return std::unexpected(problem{problem_code::not_found});
  if (!allowed.has(rq.header("Origin")))
    return std::unexpected(problem{problem_code::forbidden_origin});
  std::string list;
  for (const auto& method : methods)
    list += (list.empty() ? "" : ", ") + method;
  response r;
  r.status = 204;
  r.with("Access-Control-Allow-Methods", std::move(list));
  r.with("Access-Control-Allow-Headers", std::string{request_headers});
  r.with("Access-Control-Max-Age", std::to_string(limits::preflight_s));
  return r;
}

void add_cross_origin_headers(response& to, const request& rq, const origin_list& allowed) {
  if (allowed.empty()) return;
  to.with("Vary", "Origin"); // also without one: a cache must not give this answer to a page
  const auto origin = rq.header("Origin");
  if (!allowed.has(origin)) return;
  to.with("Access-Control-Allow-Origin", std::string{origin});
  to.with("Access-Control-Expose-Headers", std::string{response_headers});
}

} // namespace darkroom::http
