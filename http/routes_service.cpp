// Health, metrics, and what the server tells about itself.
#include "http/openapi.hpp"
#include "http/routes.hpp"

#include "actors/orchestra.hpp"

#include <boost/json.hpp>

namespace darkroom::http {

namespace {

namespace json = boost::json;

struct health_check {
  const char* name;
  bool ok;
  std::string reason = {}; // a sentence for operators; empty: none is known
};

std::vector<health_check> readiness(services& s) {
  const auto& numbers = s.gateway.actors().numbers();
  const auto free = free_bytes(s);
  return {{"journal", numbers.journal_usable.load(), s.gateway.actors().journal_fault()},
          {"disk", free && *free >= s.settings.data.disk_floor_bytes},
          {"workers", has_workers(s)},
          {"not_draining", !s.draining.load()}};
}

response health_response(const call& c, const std::vector<health_check>& checks) {
  bool ok = true;
  json::object detail, reasons;
  for (const auto& check : checks) {
    ok &= check.ok;
    detail[check.name] = check.ok;
    if (!check.ok && !check.reason.empty()) reasons[check.name] = check.reason;
  }
  json::object out{{"status", ok ? "ok" : "failing"}};
  if (c.rq.parameter("verbose")) {
    out["checks"] = std::move(detail);
    out["reasons"] = std::move(reasons);
  }
  auto r = json_response(ok ? 200 : 503, json::serialize(out));
  r.with("Cache-Control", "no-store");
  if (!ok) r.with("Retry-After", "1");
  return r;
}

task<route_result> livez(call& c) {
  co_return health_response(c, {{"process", true}});
}

task<route_result> readyz(call& c) {
  co_return health_response(c, readiness(c.s));
}

task<route_result> metrics(call& c) {
  response r;
  r.with("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  r.body = metrics_text(c.s);
  co_return r;
}

task<route_result> formats(call& c) {
  co_return json_response(200, c.s.formats.json);
}

task<route_result> openapi(call&) {
  co_return json_response(200, openapi_json());
}

task<route_result> problem_kind_page(call& c) {
  const auto* kind = find_problem(c.param(0));
  if (kind == nullptr) co_return std::unexpected(problem{problem_code::not_found});
  response r;
  r.with("Content-Type", "text/html; charset=utf-8");
  r.with("Content-Security-Policy", "default-src 'none'");
  r.body = problem_page(*kind);
  co_return r;
}

} // namespace

std::vector<route> service_routes() {
  using enum access;
  return {
      {"GET", "/livez", open, "", livez},
      {"GET", "/readyz", open, "", readyz},
      {"GET", "/metrics", admin, "", metrics},
      {"GET", "/v1/formats", open, "", formats},
      {"GET", "/v1/openapi.json", open, "", openapi},
      {"GET", "/problems/{code}", open, "", problem_kind_page},
  };
}

} // namespace darkroom::http
