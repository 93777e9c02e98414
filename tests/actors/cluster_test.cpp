// CLUSTER: who may join, beyond what the gate of each link lets through.
#include "noting_actors.hpp"

#include "actors/cluster/cluster.hpp"

#include <caf/scoped_actor.hpp>

using namespace darkroom;
using namespace darkroom::actors;
using namespace darkroom::tests;

namespace {

struct meeting {
  meeting() {
    cluster_options options;
    options.links = links;
    options.nodes = std::make_shared<node_board>();
    options.slots = std::make_shared<slot_board>(0);
    under_test = on.system().spawn(cluster, std::move(options));
    worker = on.system().spawn(noting_worker, to);
    on.run();
  }
  ~meeting() {
    for (const auto& actor :
         {caf::actor_cast<caf::actor>(worker), caf::actor_cast<caf::actor>(under_test)})
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    on.run();
  }
  // A link that is up, of an actor system of this name.
  void link(const std::string& token, const std::string& actor_node) {
    auto facts = std::make_shared<link_facts>();
    facts->name = token;
    facts->token = token;
    facts->hello.version = "1";
    facts->hello.actor_node = actor_node;
    facts->cut = [] {};
    REQUIRE_FALSE(links->refuse(facts));
  }
  std::string refusal(const join_cluster& join) {
    caf::scoped_actor self{on.system()};
    auto asked = self->request(under_test, std::chrono::seconds(10), join);
    on.run();
    std::string said = "nothing";
    asked.receive([&](const cluster_joined& answer) { said = answer.text; },
                  [&](const caf::error&) {});
    return said;
  }

  std::shared_ptr<link_table> links = std::make_shared<link_table>("1", "");
  std::shared_ptr<heard> to = std::make_shared<heard>();
  stage on;
  cluster_actor under_test;
  worker_actor worker;
};

} // namespace

TEST_CASE("a join counts by the link that it came by") {
  meeting m;
  m.link("mine", "the name of another");
  CHECK(m.refusal({"unknown", m.worker}) == "this link is not known");
  CHECK(m.refusal({"mine", {}}) == "this link is not known");
  CHECK(m.refusal({"mine", m.worker}) == "a worker joins on its own machine");
}

TEST_CASE("a join of nobody is refused") {
  meeting m;
  m.link("mine", caf::to_string(m.on.system().node()));
  caf::anon_send(m.under_test, join_cluster{"mine", m.worker});
  m.on.run();
  CHECK_FALSE(m.links->find("mine")->joined);
}
