// REMOVER: lets go of what the files of deleted batches had. To remove a blob can take
// milliseconds, and a batch has up to a million: neither JOURNAL nor PLACER may wait for that.
#pragma once

#include "actors/interfaces.hpp"

#include <deque>

namespace darkroom::actors {

struct remover_state {
  static inline const char* name = "remover";
  remover_state() = default; // no aggregate: CAF would initialise the first member with the actor

  struct waiting_files {
    std::vector<persistence::file_record> files; // the next one is the last
    caf::strong_actor_ptr asker;
  };
  std::shared_ptr<persistence::output_store> outputs;
  std::deque<waiting_files> waiting;
};

// Blocks: spawn with `spawn_blocking`.
remover_actor::behavior_type remover(remover_actor::stateful_pointer<remover_state> self,
                                     std::shared_ptr<persistence::output_store> outputs);

} // namespace darkroom::actors
