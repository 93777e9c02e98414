#include "actors/remover.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace darkroom::actors {

namespace {

using remover_pointer = remover_actor::stateful_pointer<remover_state>;

// One file a turn: EXIT overtakes the turns that follow, so that a shutdown waits for a file or
// two. What is not released by then is a stray of the next start, as after a crash.
void release_one(remover_pointer self) {
  auto& s = self->state;
  auto& first = s.waiting.front();
  if (!first.files.empty()) {
    s.outputs->release(first.files.back());
    first.files.pop_back();
  }
  if (first.files.empty()) {
    if (first.asker) self->send(caf::actor_cast<journal_actor>(first.asker), files_released{});
    s.waiting.pop_front();
  }
  if (!s.waiting.empty()) self->send(self, release_next{});
}

} // namespace

remover_actor::behavior_type remover(remover_pointer self,
                                     std::shared_ptr<persistence::output_store> outputs) {
  self->state.outputs = std::move(outputs);
  return {
      [self](release_files& message) {
        auto& waiting = self->state.waiting;
        waiting.push_back({std::move(message.files), self->current_sender()});
        if (waiting.size() == 1) self->send(self, release_next{});
      },
      [self](release_next) { release_one(self); },
  };
}

} // namespace darkroom::actors
