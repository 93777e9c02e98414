// SLOT: a thread that runs one probe or one conversion at a time.
#pragma once

#include "actors/interfaces.hpp"
#include "actors/slot_board.hpp"

namespace darkroom::actors {

struct slot_state {
  static inline const char* name = "slot";
  slot_state() = default; // no aggregate: CAF would initialise the first member with the actor
  std::shared_ptr<slot_runner> runner;
  codec_pool_actor pool;
};

// Blocks: spawn with `try_spawn_blocking`.
slot_actor::behavior_type slot(slot_actor::stateful_pointer<slot_state> self, std::size_t number,
                               std::shared_ptr<slot_runner> runner, codec_pool_actor pool,
                               std::shared_ptr<slot_board> board);

} // namespace darkroom::actors
