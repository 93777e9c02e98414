#include "actors/event_accounting.hpp"

#include "actors/batch_supervisor.hpp"
#include "base/overloaded.hpp"

#include <algorithm>
#include <variant>

namespace darkroom::actors {

namespace {

void count(vitals& numbers, const domain::event& e) {
  if (const auto* done = std::get_if<domain::file_completed>(&e)) {
    numbers.files_completed += 1;
    numbers.probe.add(std::uint64_t{done->stages.probe_us});
    numbers.queue_wait.add(std::uint64_t{done->stages.wait_us});
    numbers.convert.add(std::uint64_t{done->stages.convert_us});
    numbers.store.add(std::uint64_t{done->stages.store_us});
  }
  numbers.files_failed += std::holds_alternative<domain::file_failed>(e);
  numbers.files_interrupted += std::holds_alternative<domain::file_interrupted>(e);
}

// What an event says about the time that is left.
void forecast(batch_supervisor_state& s, const domain::event& e, std::int64_t now_us) {
  auto& f = s.forecast;
  std::visit(base::overloaded{
                 [&](const domain::batch_started&) { f.resume(); },
                 [&](const domain::batch_resumed&) { f.resume(); },
                 [&](const domain::batch_retried& again) {
                   for (const auto i : again.files)
                     f.reopen(i);
                   f.resume();
                 },
                 [&](const domain::batch_paused&) { f.pause(now_us); },
                 [&](const domain::spec_changed&) { f.forget_costs(); },
                 [&](const domain::file_started& file) { f.start(file.index, now_us); },
                 [&](const domain::file_interrupted& file) { f.give_back(file.index, now_us); },
                 [&](const domain::file_retry_scheduled& file) { f.give_back(file.index, now_us); },
                 [&](const domain::file_completed& file) { f.complete(file.index, now_us); },
                 [&](const domain::file_failed& file) { f.fail(file.index, now_us); },
                 [](const auto&) {},
             },
             e);
  if (domain::is_terminal(s.working.phase)) f.forget_files();
}

// What a completed file says about the costs of others. Another machine has another speed.
void learn(batch_supervisor_state& s, const domain::event& e, std::int64_t now_us) {
  const auto* done = std::get_if<domain::file_completed>(&e);
  if (done == nullptr || !s.peers.calibration) return;
  const auto file = s.in_flight.find(done->index);
  const auto predicted = s.forecast.prediction_of(done->index);
  if (file == s.in_flight.end() || !file->second.local || !predicted) return;
  double bytes_out = 0;
  for (const auto& output : done->outputs)
    bytes_out += static_cast<double>(output.bytes);
  const double us = static_cast<double>(done->stages.convert_us) + done->stages.store_us;
  s.peers.calibration->observe(*predicted, us, bytes_out, now_us);
}

// What an event says about the work of the day. An attempt that did not complete counts as long as
// it ran: a file that always ends at its time limit takes slots as well.
void count_work(batch_supervisor_state& s, const domain::event& e, std::int64_t now_us) {
  const auto index = domain::file_of(e);
  if (!index || !s.peers.usage) return;
  const auto file = s.in_flight.find(*index);
  if (file == s.in_flight.end()) return;
  auto& started_us = file->second.started_us;
  if (std::holds_alternative<domain::file_started>(e)) {
    started_us = now_us;
    return;
  }
  if (started_us == 0) return;
  auto ran_us = static_cast<std::uint64_t>(std::max<std::int64_t>(0, now_us - started_us));
  started_us = 0;
  std::uint64_t pixels = 0;
  if (const auto* done = std::get_if<domain::file_completed>(&e)) {
    ran_us = done->stages.convert_us;
    pixels = std::uint64_t{done->width} * done->height;
  }
  s.day = s.peers.usage->add_work(s.working.owner, now_us, pixels, ran_us);
}

} // namespace

void note_event(batch_supervisor_state& s, const domain::event& e, std::int64_t now_us) {
  s.said_idle = false; // it is idle anew when this is on disk
  if (std::holds_alternative<domain::batch_started>(e) ||
      std::holds_alternative<domain::batch_retried>(e)) {
    s.started_us = now_us;
    s.ended_us = 0;
    s.rate.restart(now_us);
  } else if (std::holds_alternative<domain::batch_resumed>(e)) {
    s.rate.restart(now_us);
  } else if (domain::is_terminal(s.working.phase) && s.ended_us == 0) {
    s.ended_us = now_us;
  }
  if (const auto* done = std::get_if<domain::file_completed>(&e))
    s.rate.add(now_us, {1, std::uint64_t{done->width} * done->height, done->bytes_in});
  learn(s, e, now_us);
  forecast(s, e, now_us);
  count_work(s, e, now_us);
  if (s.peers.numbers) count(*s.peers.numbers, e);
}

} // namespace darkroom::actors
