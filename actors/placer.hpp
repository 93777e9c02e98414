// PLACER: gives accepted outputs their final names. What arrives while one group is being named
// makes the next: each directory is synced once for all of it.
#pragma once

#include "actors/interfaces.hpp"

namespace darkroom::actors {

struct placer_state {
  static inline const char* name = "placer";
  placer_state() = default; // no aggregate: CAF would initialise the first member with the actor

  struct waiting_outputs {
    std::vector<persistence::staged_output> staged;
    caf::strong_actor_ptr asker;
  };
  std::shared_ptr<persistence::output_store> outputs;
  std::vector<waiting_outputs> gathered;
  bool scheduled = false;
};

// Blocks: spawn with `spawn_blocking`.
placer_actor::behavior_type placer(placer_actor::stateful_pointer<placer_state> self,
                                   std::shared_ptr<persistence::output_store> outputs);

} // namespace darkroom::actors
