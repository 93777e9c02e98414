// CLUSTER: lets workers in whose link was let in, and gives each a NODE.
#pragma once

#include "actors/cluster/node.hpp"

namespace darkroom::actors {

struct cluster_options {
  std::shared_ptr<link_table> links;
  std::shared_ptr<node_board> nodes;
  std::shared_ptr<slot_board> slots;
  dispatcher_actor dispatcher;
  transfer_options transfers;
  std::function<std::int64_t()> now_us; // since the Unix epoch
};

struct cluster_state {
  static inline const char* name = "cluster";
  cluster_state() = default; // no aggregate: CAF would initialise the first member with the actor

  cluster_options options;
  std::vector<caf::actor_addr> nodes;
};

cluster_actor::behavior_type cluster(cluster_actor::stateful_pointer<cluster_state> self,
                                     cluster_options options);

} // namespace darkroom::actors
