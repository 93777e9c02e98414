// Health, metrics, and what the server tells about itself.
#include "http/limits.hpp"
#include "http/openapi.hpp"
#include "http/routes.hpp"

#include "actors/orchestra.hpp"
#include "persistence/files.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>

namespace darkroom::http {

namespace {

namespace json = boost::json;

health_check disk_check(const services& s) {
  const auto bytes = free_bytes(s);
  if (!bytes) return {"disk", false, "nothing can be told of it"};
  if (*bytes < s.settings.data.disk_floor_bytes)
    return {"disk", false,
            std::to_string(*bytes) + " bytes are free, less than data.disk_floor_bytes"};
  const auto inodes = persistence::free_inodes(s.settings.data.dir);
  if (inodes && *inodes < limits::inodes_floor)
    return {"disk", false, "room for " + std::to_string(*inodes) + " more files (inodes)"};
  return {"disk", true};
}

std::vector<health_check> readiness(services& s) {
  const auto& numbers = s.gateway.actors().numbers();
  std::vector<health_check> checks{{"journal",
                                    numbers.journal_usable.load() && numbers.batches_loaded.load(),
                                    s.gateway.actors().journal_fault()},
                                   disk_check(s),
                                   {"workers", has_workers(s)},
                                   {"not_draining", !s.draining.load()}};
  if (s.probes)
    std::ranges::move(s.probes->read(health_board::clock::now()), std::back_inserter(checks));
  return checks;
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
      {"GET", "/livez", health, "", livez, route::browser_use::none, {"verbose"}},
      {"GET", "/readyz", health, "", readyz, route::browser_use::none, {"verbose"}},
      {"GET", "/metrics", admin, "", metrics},
      {"GET", "/v1/formats", open, "", formats},
      {"GET", "/v1/openapi.json", open, "", openapi},
      {"GET", "/problems/{code}", open, "", problem_kind_page},
  };
}

} // namespace darkroom::http
