// The machines that convert, for admins.
#include "http/routes.hpp"

#include "domain/text.hpp"
#include "http/blocking.hpp"

#include <boost/json.hpp>

namespace darkroom::http {

namespace {

namespace json = boost::json;

json::object node_object(const actors::node_row& n) {
  json::object out{{"name", n.name},
                   {"state", n.state()},
                   {"local", n.local},
                   {"slots", n.slots},
                   {"leases", n.leases},
                   {"memory_bytes", n.memory_bytes},
                   {"memory_granted_bytes", n.memory_granted_bytes},
                   {"files_completed", n.files_completed},
                   {"files_failed", n.files_failed},
                   {"files_interrupted", n.files_interrupted},
                   {"late_results", n.late_results},
                   {"times_lost", n.times_lost}};
  if (!n.address.empty()) out["address"] = n.address;
  if (!n.version.empty()) out["version"] = domain::printable(n.version);
  if (!n.isolated.empty()) out["isolated_because"] = domain::printable(n.isolated);
  if (!n.paused.empty()) out["paused_because"] = domain::printable(n.paused);
  if (!n.local) {
    out["round_trip_us"] = n.round_trip_us;
    out["received_bytes"] = n.bytes_in;
    out["sent_bytes"] = n.bytes_out;
  }
  if (n.joined_us != 0) out["joined_at"] = domain::time_text(n.joined_us);
  if (n.lost_us != 0) out["lost_at"] = domain::time_text(n.lost_us);
  return out;
}

task<route_result> list_nodes(call& c) {
  json::array list;
  for (const auto& node : c.s.gateway.actors().nodes().read())
    list.emplace_back(node_object(node));
  auto r = json_response(200, json::serialize(json::object{{"nodes", std::move(list)}}));
  r.with("Cache-Control", "no-store");
  co_return r;
}

task<route_result> steer(call& c, actors::node_steering how) {
  c.subject = c.param(0);
  actors::steer_node wish{c.param(0), how};
  std::function<void(std::function<void(actors::node_steered)>)> start = [&c, wish](auto then) {
    c.s.gateway.actors().ask(wish, std::move(then));
  };
  const auto done = co_await await_callback<actors::node_steered>(std::move(start));
  if (!done.known)
    co_return std::unexpected(problem{
        problem_code::not_found, "No node of this name has joined since the server was started."});
  for (const auto& node : c.s.gateway.actors().nodes().read()) {
    if (node.name != wish.name) continue;
    DARKROOM_CO_CHECK(co_await keep_audited(c, node.standing(), 200));
    co_return json_response(200, json::serialize(node_object(node)));
  }
  co_return std::unexpected(problem{problem_code::not_found});
}

route steering(actors::node_steering how) {
  const std::string name{base::to_string(how)};
  return {"POST", "/v1/admin/nodes/{name}/" + name, access::admin, "node." + name,
          [how](call& c) { return steer(c, how); }};
}

} // namespace

std::vector<route> node_routes() {
  std::vector<route> routes{{"GET", "/v1/admin/nodes", access::admin, "", list_nodes}};
  for (const auto how : base::enum_values<actors::node_steering>())
    routes.push_back(steering(how));
  return routes;
}

} // namespace darkroom::http
