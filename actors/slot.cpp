#include "actors/slot.hpp"

#include "base/thread_times.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <exception>
#include <functional>

namespace darkroom::actors {

namespace {

// A fault of ours must not end the slot: nobody would answer its leases any more.
template<class Outcome, class Work>
Outcome guarded(Work work, const std::function<Outcome(codecs::codec_error)>& failed) {
  try {
    return work();
  } catch (const std::exception& e) {
    return failed({domain::failure_reason::internal, e.what()});
  }
}

conversion_outcome failed_conversion(codecs::codec_error error) {
  return conversion_failed{std::move(error)};
}

} // namespace

slot_actor::behavior_type slot(slot_actor::stateful_pointer<slot_state> self, std::size_t number,
                               std::shared_ptr<slot_runner> runner, codec_pool_actor pool,
                               std::shared_ptr<slot_board> board) {
  self->state.runner = std::move(runner);
  self->state.pool = std::move(pool);
  return {
      [self](const run_probe& message) {
        self->send(message.asker,
                   file_probed{guarded<codecs::result<codecs::image_info>>(
                       [&] { return self->state.runner->probe(message.job); },
                       [](codecs::codec_error e) { return std::unexpected(std::move(e)); })});
        self->send(self->state.pool, probe_done{});
      },
      [self, number, board](const run_conversion& message) {
        const auto& job = message.job;
        const auto began_us = base::own_thread_us();
        board->busy(
            number,
            {job.file->path, job.batch, job.index, std::string{domain::local_node}, {}, {}});
        auto outcome = std::make_shared<conversion_outcome>(guarded<conversion_outcome>(
            [&] {
              return self->state.runner->convert(
                  job, [&](domain::conversion_progress progress) { board->at(number, progress); });
            },
            failed_conversion));
        const auto cpu_us = self->state.runner->cpu_us();
        board->idle(number);
        self->send(message.asker, conversion_ended{job.lease, std::move(outcome), cpu_us});
        // What the slot itself does grows with the file: it reads the source and seals outputs.
        auto charged_us = cpu_us;
        if (charged_us) *charged_us += base::own_thread_us() - began_us;
        self->send(self->state.pool, slot_idle{number, job.lease, charged_us});
      },
  };
}

} // namespace darkroom::actors
