#include "actors/batch_reader.hpp"

#include "persistence/read_view.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <exception>
#include <utility>

namespace darkroom::actors {

namespace {

batch_replayed read_batch(const persistence::read_view& view, const domain::batch_id& batch) {
  const auto summary = view.summary(batch);
  if (!summary) return {nullptr, {}, summary.error().detail};
  if (!*summary) return {};
  auto state = view.replay(batch);
  if (!state) return {nullptr, {}, state.error().detail};
  return {std::make_shared<persistence::positioned_state>(std::move(*state)), **summary, {}};
}

} // namespace

batch_reader_actor::behavior_type
batch_reader(batch_reader_actor::stateful_pointer<batch_reader_state> self,
             std::shared_ptr<const persistence::read_view> view) {
  self->state.view = std::move(view);
  return {[self](const replay_batch& message) -> caf::result<batch_replayed> {
    self->quit();
    // Not kept: it holds the journal open.
    const auto view_once = std::exchange(self->state.view, nullptr);
    if (!view_once) return batch_replayed{nullptr, {}, "the batch was read before"};
    try { // a batch that is larger than what is left of the memory must not leave its asker waiting
      return read_batch(*view_once, message.batch);
    } catch (const std::exception& e) {
      return batch_replayed{nullptr, {}, e.what()};
    }
  }};
}

} // namespace darkroom::actors
