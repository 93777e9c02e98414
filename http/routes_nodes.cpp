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
  if (!n.local) {
    out["round_trip_us"] = n.round_trip_us;
    out["received_bytes"] = n.bytes_in;
    out["sent_bytes"] = n.bytes_out;
  }
  if (n.joined_us != 0) out["joined_at"] = domain::time_text(n.joined_us);
  if (n.lost_us != 0) out["lost_at"] = domain::time_text(n.lost_us);
  return out;
}

task<response> list_nodes(call& c) {
  json::array list;
  for (const auto& node : c.s.gateway.actors().nodes().read())
    list.emplace_back(node_object(node));
  auto r = json_response(200, json::serialize(json::object{{"nodes", std::move(list)}}));
  r.with("Cache-Control", "no-store");
  co_return r;
}

task<response> steer(call& c, actors::node_steering how, std::string_view action) {
  c.subject = c.param(0);
  actors::steer_node wish{c.param(0), how};
  std::function<void(std::function<void(actors::node_steered)>)> start = [&c, wish](auto then) {
    c.s.gateway.actors().ask(wish, std::move(then));
  };
  const auto done = co_await await_callback<actors::node_steered>(std::move(start));
  if (!done.known)
    co_return problem_response(
        {"not_found", "No node of this name has joined since the server was started."}, c.rq);
  for (const auto& node : c.s.gateway.actors().nodes().read()) {
    if (node.name != wish.name) continue;
    const bool kept = co_await keep_audited(c, node.standing(), action, 200);
    if (!kept) co_return problem_response(not_kept(), c.rq);
    co_return json_response(200, json::serialize(node_object(node)));
  }
  co_return problem_response({"not_found"}, c.rq);
}

task<response> cordon(call& c) {
  return steer(c, actors::node_steering::cordon, "node.cordon");
}
task<response> uncordon(call& c) {
  return steer(c, actors::node_steering::uncordon, "node.uncordon");
}
task<response> drain(call& c) {
  return steer(c, actors::node_steering::drain, "node.drain");
}

} // namespace

std::vector<route> node_routes() {
  using enum access;
  return {
      {"GET", "/v1/admin/nodes", admin, "", list_nodes},
      {"POST", "/v1/admin/nodes/{name}/cordon", admin, "node.cordon", cordon},
      {"POST", "/v1/admin/nodes/{name}/uncordon", admin, "node.uncordon", uncordon},
      {"POST", "/v1/admin/nodes/{name}/drain", admin, "node.drain", drain},
  };
}

} // namespace darkroom::http
