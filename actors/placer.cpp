#include "actors/placer.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <span>

namespace darkroom::actors {

namespace {

using placer_pointer = placer_actor::stateful_pointer<placer_state>;

bool has_name(const persistence::placed_output& placed) {
  return placed.how != persistence::placement::exists &&
         placed.how != persistence::placement::failed;
}

// A file has all of its outputs or none.
void take_back_halves(persistence::output_store& outputs,
                      std::span<const persistence::staged_output> staged,
                      std::span<const persistence::placed_output> placed) {
  if (std::ranges::all_of(placed, has_name)) return;
  for (std::size_t i = 0; i < staged.size(); ++i)
    if (placed[i].how == persistence::placement::placed) outputs.take_back(staged[i]);
}

void place(placer_pointer self) {
  auto& s = self->state;
  const auto group = std::move(s.gathered);
  s.gathered.clear();
  std::vector<persistence::staged_output> all;
  for (const auto& waiting : group)
    all.insert(all.end(), waiting.staged.begin(), waiting.staged.end());
  const auto placed = s.outputs->place(all);
  auto next = placed.begin();
  for (const auto& waiting : group) {
    const auto end = next + static_cast<std::ptrdiff_t>(waiting.staged.size());
    take_back_halves(*s.outputs, waiting.staged, {next, end});
    if (waiting.asker)
      self->send(caf::actor_cast<converter_actor>(waiting.asker), outputs_placed{{next, end}});
    next = end;
  }
}

} // namespace

placer_actor::behavior_type placer(placer_pointer self,
                                   std::shared_ptr<persistence::output_store> outputs) {
  self->state.outputs = std::move(outputs);
  return {
      [self](place_outputs& message) {
        auto& s = self->state;
        s.gathered.push_back({std::move(message.staged), self->current_sender()});
        if (s.scheduled) return;
        s.scheduled = true;
        self->send(self, place_group{});
      },
      [self](const discard_outputs& message) {
        for (const auto& staged : message.staged)
          self->state.outputs->discard(staged);
      },
      [self](const take_back_outputs& message) {
        for (const auto& staged : message.staged)
          self->state.outputs->take_back(staged);
      },
      [self](const sweep_outputs& message) {
        self->state.outputs->sweep(message.batch, message.index, message.targets);
      },
      [self](place_group) {
        self->state.scheduled = false;
        place(self);
      },
  };
}

} // namespace darkroom::actors
