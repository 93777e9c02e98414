#include "actors/slot.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace darkroom::actors {

slot_actor::behavior_type slot(slot_actor::stateful_pointer<slot_state> self, std::size_t number,
                               std::shared_ptr<slot_runner> runner, codec_pool_actor pool,
                               std::shared_ptr<slot_board> board) {
  self->state.runner = std::move(runner);
  self->state.pool = std::move(pool);
  return {
      [self](const run_probe& message) {
        self->send(message.asker, file_probed{self->state.runner->probe(message.job)});
      },
      [self, number, board](const run_conversion& message) {
        const auto& job = message.job;
        board->busy(number, job.file->path);
        auto outcome = std::make_shared<conversion_outcome>(self->state.runner->convert(job));
        board->idle(number);
        self->send(message.asker, conversion_ended{job.lease, std::move(outcome)});
        self->send(self->state.pool, slot_idle{number, job.lease});
      },
  };
}

} // namespace darkroom::actors
