// PREVIEW HOST: makes previews and thumbnails one after another in a codec host of its own, so that
// a user of the page never waits for a slot.
#pragma once

#include "actors/interfaces.hpp"
#include "actors/preview_queue.hpp"

namespace darkroom::actors {

struct preview_host_state {
  static inline const char* name = "preview_host";
  preview_host_state() = default; // no aggregate: CAF would initialise the first member

  std::shared_ptr<preview_runner> runner;
  bool detached = true;    // the slot
  preview_slot_actor slot; // null: the system had no thread for it yet
  preview_queue<preview_file> waiting;
  domain::lease_id next_number = 1;
  domain::lease_id running = 0; // 0: none
  std::string running_viewer;
};

preview_host_actor::behavior_type
preview_host(preview_host_actor::stateful_pointer<preview_host_state> self,
             std::shared_ptr<preview_runner> runner, bool detached);

} // namespace darkroom::actors
