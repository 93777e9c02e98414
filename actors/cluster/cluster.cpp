#include "actors/cluster/cluster.hpp"

#include "actors/cluster/ignore_unexpected.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace darkroom::actors {

cluster_actor::behavior_type cluster(cluster_actor::stateful_pointer<cluster_state> self,
                                     cluster_options options) {
  self->state.options = std::move(options);
  ignore_unexpected(self);
  self->set_exit_handler([self](const caf::exit_msg& message) {
    for (const auto& address : self->state.nodes)
      if (const auto node = caf::actor_cast<caf::strong_actor_ptr>(address))
        self->send_exit(caf::actor_cast<caf::actor>(node), message.reason);
    self->quit(message.reason);
  });
  return {
      [self](const join_cluster& message) {
        auto& s = self->state;
        auto link = s.options.links->find(message.token);
        if (!link || !message.worker || !self->current_sender())
          return cluster_joined{false, "this link is not known"};
        // Not one of ours, or of a third machine, and not by another's link.
        const auto& from = self->current_sender()->node();
        if (message.worker.node() != from || caf::to_string(from) != link->hello.actor_node)
          return cluster_joined{false, "a worker joins on its own machine"};
        // One link, one node.
        if (link->joined.exchange(true))
          return cluster_joined{false, "this link has joined already"};
        std::erase_if(s.nodes, [](const caf::actor_addr& address) {
          return caf::actor_cast<caf::strong_actor_ptr>(address) == nullptr;
        });
        const auto made = self->spawn(
            node,
            node_options{std::move(link), s.options.links, s.options.nodes, s.options.slots,
                         s.options.dispatcher, s.options.transfers, true, s.options.now_us},
            message.worker);
        s.nodes.push_back(made.address());
        return cluster_joined{true, {}};
      },
  };
}

} // namespace darkroom::actors
