#include "http/router.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "domain/text.hpp"
#include "http/cross_origin.hpp"
#include "http/file_path.hpp"
#include "http/routes.hpp"
#include "http/web_socket.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <spdlog/spdlog.h>

namespace darkroom::http {

namespace {

// A pattern, taken apart once.
struct compiled_route {
  const route* target;
  std::vector<std::string> parts;
  bool takes_rest = false;
};

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  if (path == "/") return parts;
  while (!path.empty()) {
    path.remove_prefix(1); // the slash
    const auto end = std::min(path.find('/'), path.size());
    parts.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

std::vector<compiled_route> compile() {
  std::vector<compiled_route> all;
  for (const auto& r : routes()) {
    compiled_route c{&r, split(r.pattern)};
    if (!c.parts.empty() && c.parts.back().ends_with("...}")) {
      c.takes_rest = true;
      c.parts.pop_back();
    }
    all.push_back(std::move(c));
  }
  return all;
}

bool matches(const compiled_route& r, const std::vector<std::string>& segments,
             std::vector<std::string>& params) {
  params.clear();
  if (r.takes_rest ? segments.size() <= r.parts.size() : segments.size() != r.parts.size())
    return false;
  for (std::size_t i = 0; i < r.parts.size(); ++i) {
    if (r.parts[i].starts_with('{'))
      params.push_back(segments[i]);
    else if (r.parts[i] != segments[i])
      return false;
  }
  if (!r.takes_rest) return true;
  std::string rest;
  for (std::size_t i = r.parts.size(); i < segments.size(); ++i) {
    rest += (i == r.parts.size() ? "" : "/") + segments[i];
  }
  params.push_back(std::move(rest));
  return true;
}

void add_rate_headers(header_list& to, std::string_view policy, const rate_verdict& v) {
  const std::string name = "\"" + std::string{policy} + "\"";
  to.emplace_back("RateLimit-Policy",
                  name + ";q=" + std::to_string(v.limit) + ";w=" +
                      std::to_string(std::max<std::uint64_t>(
                          1, static_cast<std::uint64_t>(static_cast<double>(v.limit) / v.per_s))));
  to.emplace_back("RateLimit",
                  name + ";r=" + std::to_string(v.remaining) + ";t=" + std::to_string(v.reset_s));
}

problem too_many(std::string_view policy, const rate_verdict& v) {
  problem p{problem_code::rate_limited, "Too many requests for one " + std::string{policy} + "."};
  p.retry_after_s = std::max(1u, v.reset_s);
  add_rate_headers(p.headers, policy, v);
  return p;
}

// Keeps what was refused, and what of others was looked at; what was done is journaled with it.
void audit(call& c, const route_result& result) {
  const bool others = !c.owner.empty() && c.owner != c.who.user;
  if (c.audited || (c.action.empty() && !others)) return;
  const auto status = result ? result->status : kind_of(result.error().code).status;
  if (status == 404 && c.owner.empty()) return; // of nothing that there is
  auto entry = audit_of(c, status, result ? "ok" : to_string(result.error().code));
  if (c.action.empty()) entry.action = "read";
  if (!result && !may_audit_refusal(c.s, entry)) return;
  std::vector<persistence::access_record> records;
  records.emplace_back(std::move(entry));
  // Nobody waits for it: how long an answer takes must not tell what there is.
  c.s.gateway.actors().keep(std::move(records), [](bool) {});
}

bool is_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

// What is wrong with one parameter of a path below a batch.
std::optional<problem> malformed_parameter(std::string_view name, std::string_view value) {
  if (name == "{id}" && !domain::parse_batch_id(value))
    return problem{problem_code::invalid_id, "A batch id is a UUID."};
  if ((name == "{file}" || name == "{n}") && !is_number(value))
    return problem{problem_code::invalid_id, "Files and outputs are named by their numbers."};
  if (name == "{file...}")
    if (const auto ok = check_file_path(value); !ok)
      return problem{problem_code::invalid_path, ok.error()};
  return std::nullopt;
}

std::optional<problem> malformed_query(const request& rq, const route& r) {
  for (std::size_t i = 0; i < rq.query.size(); ++i) {
    const auto& name = rq.query[i].first;
    const bool known = std::ranges::find(r.query, name) != r.query.end() ||
                       (name == "ticket" && r.in_browser != route::browser_use::none);
    if (!known)
      return problem{problem_code::invalid_parameter,
                     "There is no parameter " + domain::printable(name) + " here."};
    for (std::size_t before = 0; before < i; ++before)
      if (rq.query[before].first == name)
        return problem{problem_code::invalid_parameter,
                       "The parameter " + name + " is there twice."};
  }
  return std::nullopt;
}

// What is wrong with the address itself: checked before anything is looked up.
std::optional<problem> malformed(const call& c, const route& r) {
  if (auto wrong = malformed_query(c.rq, r)) return wrong;
  if (!std::holds_alternative<batch_route>(r.handle)) return std::nullopt;
  std::size_t next = 0;
  for (const auto& part : split(r.pattern))
    if (part.starts_with('{'))
      if (auto wrong = malformed_parameter(part, c.param(next++))) return wrong;
  return std::nullopt;
}

task<route_result> handle(call& c, const route& r) {
  if (const auto* any = std::get_if<any_route>(&r.handle)) co_return co_await (*any)(c);
  DARKROOM_CO_TRY(batch, find_batch(c, c.param(0)));
  co_return co_await std::get<batch_route>(r.handle)(c, batch);
}

// What the work comes to; faults become `internal`.
task<route_result> guarded(task<route_result> work, const request& rq) {
  std::string fault;
  try {
    co_return co_await std::move(work);
  } catch (const std::exception& e) {
    fault = e.what();
  }
  spdlog::error("fault request={} {}", rq.id, domain::printable(fault));
  co_return std::unexpected(problem{problem_code::internal});
}

task<route_result> run(call& c, const route& r) {
  auto work = handle(c, r);
  auto result = co_await guarded(std::move(work), c.rq);
  audit(c, result);
  co_return result;
}

void touch_token(services& s, const identity& who) {
  if (who.token.empty()) return;
  if (const auto use = s.identities.touch(who.token, base::unix_now_us()))
    s.gateway.actors().keep({*use}, [](bool) {});
}

// Where no header can be sent: a ticket in the address, or a token among the subprotocols.
base::result<identity, problem> authenticate_in_browser(services& s, const request& rq,
                                                        route::browser_use use) {
  const auto now = base::unix_now_us();
  if (const auto ticket = rq.parameter("ticket")) {
    auto who = use == route::browser_use::feed ? s.tickets.redeem(*ticket, now)
                                               : s.tickets.look_up(*ticket, rq.target, now);
    if (who && s.identities.usable(*who) && (who->expires_us == 0 || who->expires_us > now))
      return *who;
    return std::unexpected(problem{problem_code::unauthorized,
                                   "The ticket is unknown, used, too old or not for this."});
  }
  if (use == route::browser_use::download) return s.identities.authenticate(rq, now);
  constexpr std::string_view bearer = "bearer.";
  for (const auto& word : offered_subprotocols(rq))
    if (word.starts_with(bearer))
      return s.identities.authenticate_token(std::string_view(word).substr(bearer.size()), now);
  return s.identities.authenticate(rq, now);
}

// All that a request goes through before its route; then the route.
task<route_result> answer(services& s, request& rq, body_reader& body) {
  const auto now = static_cast<std::uint64_t>(base::unix_now_us());
  auto way = find_route(rq.method, rq.segments);
  if (way.target == nullptr || way.target->needs != access::health) {
    const auto by_ip = s.ip_rate.take(client_network(rq.address), now);
    if (!by_ip.allowed) co_return std::unexpected(too_many("address", by_ip));
  }
  if (is_preflight(rq)) co_return answer_preflight(rq, way.methods, s.origins);
  const auto* found = way.target;
  if (found == nullptr && !way.methods.empty()) {
    problem wrong_method{problem_code::method_not_allowed};
    wrong_method.allowed = std::move(way.methods);
    co_return std::unexpected(std::move(wrong_method));
  }
  if (found == nullptr) co_return std::unexpected(problem{problem_code::not_found});
  rq.route = found->pattern;

  call c{s, rq, body, {}, std::move(way.params), found->action, {}, {}, {}, false};
  if (found->needs == access::open || found->needs == access::health) {
    if (auto wrong = malformed(c, *found)) co_return std::unexpected(std::move(*wrong));
    co_return co_await run(c, *found);
  }
  if (s.draining) {
    problem p{problem_code::draining};
    p.retry_after_s = 5;
    p.closes = true;
    co_return std::unexpected(std::move(p));
  }
  const auto use = found->in_browser;
  DARKROOM_CO_TRY(who, use != route::browser_use::none
                           ? authenticate_in_browser(s, rq, use)
                           : s.identities.authenticate(rq, static_cast<std::int64_t>(now)));
  c.who = std::move(who);
  rq.user = c.who.user;
  const auto by_user = s.user_rate.take(c.who.user, now);
  if (!by_user.allowed) co_return std::unexpected(too_many("user", by_user));
  touch_token(s, c.who);
  route_result result = std::unexpected(problem{problem_code::forbidden});
  auto wrong = malformed(c, *found);
  if (wrong) result = std::unexpected(std::move(*wrong));
  if (wrong || (found->needs == access::admin && !c.who.is_admin()))
    audit(c, result);
  else
    result = co_await run(c, *found);
  add_rate_headers(result ? result->headers : result.error().headers, "user", by_user);
  co_return result;
}

} // namespace

found_route find_route(std::string_view method, const std::vector<std::string>& segments) {
  static const auto compiled = compile();
  const auto wanted = method == "HEAD" ? std::string_view{"GET"} : method;
  found_route found;
  std::vector<std::string> params;
  for (const auto& r : compiled) {
    if (!matches(r, segments, params)) continue;
    if (r.target->method == wanted) return {r.target, std::move(params), {}};
    found.methods.emplace_back(r.target->method);
    if (r.target->method == "GET") found.methods.emplace_back("HEAD");
  }
  return found;
}

const std::vector<route>& routes() {
  static const std::vector<route> all = [] {
    std::vector<route> list;
    for (const auto& part : {batch_routes(), file_routes(), content_routes(), preview_routes(),
                             result_routes(), event_routes(), audit_routes(), backup_routes(),
                             node_routes(), admin_routes(), service_routes(), page_routes()})
      list.insert(list.end(), part.begin(), part.end());
    return list;
  }();
  return all;
}

bool may_audit_refusal(services& s, const persistence::audit_entry& about) {
  const auto verdict = s.refusals.take(about.user, static_cast<std::uint64_t>(about.time_us));
  if (verdict.left_out == 0) return verdict.kept;
  auto gap = about;
  gap.action = "audit.gap";
  gap.batch.reset();
  gap.owner.clear();
  gap.outcome = "left_out";
  gap.subject = std::to_string(verdict.left_out);
  std::vector<persistence::access_record> records;
  records.emplace_back(std::move(gap));
  s.gateway.actors().keep(std::move(records), [](bool) {});
  return verdict.kept;
}

persistence::audit_entry audit_of(const call& c, unsigned status, std::string_view outcome) {
  persistence::audit_entry e;
  e.time_us = base::unix_now_us();
  e.user = c.who.user;
  e.role = c.who.role;
  e.token = c.who.token;
  e.address = c.rq.address;
  e.action = c.action;
  e.batch = c.batch;
  e.owner = c.owner;
  e.status = status;
  e.outcome = outcome;
  e.request_id = c.rq.id;
  e.subject = c.subject;
  return e;
}

task<response> dispatch(services& s, request& rq, body_reader& body) {
  const auto began = std::chrono::steady_clock::now();
  rq.route = "none";
  auto work = answer(s, rq, body);
  auto result = co_await guarded(std::move(work), rq);
  auto r = to_response(std::move(result), rq);
  add_cross_origin_headers(r, rq, s.origins);
  s.metrics.answered(rq.route, r.status, std::chrono::steady_clock::now() - began);
  co_return r;
}

} // namespace darkroom::http
