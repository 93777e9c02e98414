// BATCH READER: replays one batch from the journal, for JOURNAL, whose appends do not wait for
// that.
#pragma once

#include "actors/interfaces.hpp"

namespace darkroom::persistence {
class read_view;
}

namespace darkroom::actors {

struct batch_reader_state {
  static inline const char* name = "batch_reader";
  batch_reader_state() =
      default; // no aggregate: CAF would initialise the first member with the actor

  std::shared_ptr<const persistence::read_view> view; // until it has read
};

// `view`: has all events of the batch, and gets no more of them. Blocks: spawn with
// `try_spawn_blocking`.
batch_reader_actor::behavior_type
batch_reader(batch_reader_actor::stateful_pointer<batch_reader_state> self,
             std::shared_ptr<const persistence::read_view> view);

} // namespace darkroom::actors
