// CODEC POOL: the slots of one node, and one more host that only reads headers.
#pragma once

#include "actors/interfaces.hpp"
#include "actors/probe_queue.hpp"
#include "actors/slot_board.hpp"

#include <optional>
#include <string>

namespace darkroom::actors {

struct pool_options {
  std::size_t slots = 1;
  bool detached = true; // false: in deterministic tests
};

struct codec_pool_state {
  static inline const char* name = "codec_pool";
  codec_pool_state() =
      default; // no aggregate: CAF would initialise the first member with the actor

  struct slot_handle {
    slot_actor actor; // null: the system had no thread for it yet
    std::shared_ptr<slot_runner> runner;
    domain::lease_id lease = 0; // 0: idle
    std::string owner = {};     // whom it served last: its host may serve nobody else
    // A file that came when the system had no thread for this slot: it runs here or in the next
    // slot that is idle.
    std::optional<run_conversion> waiting = {};
  };
  pool_options options;
  dispatcher_actor dispatcher;
  std::shared_ptr<slot_board> board;
  std::vector<slot_handle> slots;
  slot_handle prober;
  bool probing = false;
  probe_queue<run_probe> probes;
};

codec_pool_actor::behavior_type
codec_pool(codec_pool_actor::stateful_pointer<codec_pool_state> self, pool_options options,
           slot_runner_factory make_runner, dispatcher_actor dispatcher,
           std::shared_ptr<slot_board> board);

} // namespace darkroom::actors
