#include "actors/converter.hpp"

#include "actors/limits.hpp"
#include "base/overloaded.hpp"
#include "base/units.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>

namespace darkroom::actors {

namespace {

using converter_pointer = converter_actor::stateful_pointer<converter_state>;
using stage = converter_state::stage;

// CAF keeps a monitor at its target until it is taken back: thousands would gather there.
void end(converter_pointer self) {
  self->demonitor(self->state.supervisor.address());
  self->quit();
}

// Microseconds since the last time this was asked.
std::uint32_t lap_us(converter_pointer self) {
  const auto now = self->clock().now();
  const auto took = now - std::exchange(self->state.since, now);
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

void report_failure(converter_pointer self, const codecs::codec_error& error) {
  auto& s = self->state;
  self->send(s.supervisor, attempt_failed{s.order.index, s.lease.lease, error});
  end(self);
}

void report_interruption(converter_pointer self, domain::interruption cause,
                         std::uint64_t memory_bytes = 0) {
  auto& s = self->state;
  self->send(s.supervisor, attempt_interrupted{s.order.index, s.lease.lease, cause, memory_bytes});
  end(self);
}

// The lease was granted and is not wanted: nothing was sent to the pool under it.
void give_lease_back(converter_pointer self) {
  self->send(self->state.lease.pool, interrupt_conversion{self->state.lease.lease});
}

void discard_staged(converter_pointer self) {
  auto& s = self->state;
  auto* done = s.outcome ? std::get_if<file_converted>(s.outcome.get()) : nullptr;
  if (done != nullptr && !done->staged.empty())
    self->send(s.peers.placer, discard_outputs{std::move(done->staged)});
}

void ask_for_lease(converter_pointer self) {
  auto& s = self->state;
  s.at = stage::waiting;
  s.memory_bytes = std::max(s.plan.memory_bytes, s.order.memory_bytes_min);
  self->send(s.peers.dispatcher,
             request_lease{s.order.owner, s.order.batch, s.order.index, s.order.priority,
                           s.memory_bytes, s.plan.cost, s.order.file->bytes, s.order.suspect,
                           s.order.alone});
}

void convert(converter_pointer self) {
  auto& s = self->state;
  s.at = stage::converting;
  conversion_job job;
  job.batch = s.order.batch;
  job.index = s.order.index;
  job.lease = s.lease.lease;
  job.owner = s.order.owner;
  job.file = s.order.file;
  job.spec = s.order.spec;
  job.memory_bytes = s.memory_bytes;
  job.cpu_ms = s.plan.cpu_ms_max;
  job.header_read = s.header_read;
  job.may_be_placed = s.order.may_be_placed;
  self->send(s.lease.pool, convert_file{std::move(job)});
}

// A failure that an outage of the store explains counts only when the store is found to work: the
// next probe of it tells.
bool may_be_of_store(domain::failure_reason reason) {
  return reason == domain::failure_reason::io_error ||
         reason == domain::failure_reason::source_missing;
}

void report_or_doubt(converter_pointer self, const codecs::codec_error& error) {
  auto& s = self->state;
  if (!s.peers.store_failed_since || !may_be_of_store(error.reason))
    return report_failure(self, error);
  s.at = stage::doubting;
  s.doubted = error;
  // What was found just before counts as well.
  s.doubted_since =
      std::chrono::steady_clock::now() - std::chrono::milliseconds(limits::store_verdict_ms);
  self->delayed_send(self, std::chrono::milliseconds(limits::store_verdict_ms), store_verdict{});
}

// The host ran out of memory: with more, if there is more, it may do.
void on_out_of_memory(converter_pointer self, const codecs::codec_error& error) {
  auto& s = self->state;
  if (s.memory_bytes >= s.lease.memory_max_bytes) return report_failure(self, error);
  report_interruption(self, domain::interruption::memory_raised,
                      std::min(s.memory_bytes * 2, s.lease.memory_max_bytes));
}

void on_failed(converter_pointer self, const codecs::codec_error& error) {
  if (error.reason == domain::failure_reason::limit_memory) return on_out_of_memory(self, error);
  if (error.reason == domain::failure_reason::disk_full) {
    self->send(self->state.peers.dispatcher, hold_leases{limits::disk_full_wait_ms, true});
    return report_interruption(self, domain::interruption::disk_full);
  }
  report_or_doubt(self, error);
}

// A small file gets a lease at once. One of which more is known already does not: that it needs
// more memory, or may be the one that kills.
bool goes_unread(const converter_state& s) {
  const auto& order = s.order;
  return order.file->bytes <= s.peers.unread_bytes_max && order.memory_bytes_min == 0 &&
         !order.suspect && !order.alone && order.file->outputs.size() == order.spec->outputs.size();
}

void begin(converter_pointer self) {
  auto& s = self->state;
  s.header_read = !goes_unread(s);
  if (s.header_read) return self->send(s.peers.prober, probe_files{s.order.owner, {s.order.file}});
  s.plan = codecs::plan_unread(s.order.file->bytes, *s.order.spec);
  self->send(s.supervisor, cost_predicted{s.order.index,
                                          predict_unread_cost(s.order.file->bytes, *s.order.spec)});
  ask_for_lease(self);
}

// Without a lease it has not begun: only its header is read again.
void on_verdict(converter_pointer self) {
  auto& s = self->state;
  if (!s.peers.store_failed_since(s.doubted_since)) return report_failure(self, s.doubted);
  self->send(s.peers.dispatcher, hold_leases{limits::disk_full_wait_ms, true});
  if (s.lease.lease != 0) return report_interruption(self, domain::interruption::store_unavailable);
  s.at = stage::probing;
  self->send(s.peers.prober, probe_files{s.order.owner, {s.order.file}});
}

// The pool ends, its machine is lost, or its host was killed from outside: by the kernel when
// memory ran out, or by an operator. If the file ran alone, the kill counts as an attempt.
void on_given_back(converter_pointer self, const conversion_interrupted& end) {
  if (end.cause == domain::interruption::host_killed && self->state.order.alone)
    return report_failure(self, {domain::failure_reason::crashed, end.detail});
  // Never more than there is: then it would not be tried again.
  report_interruption(self, end.cause,
                      std::min(end.memory_bytes, self->state.lease.memory_max_bytes));
}

void on_conversion_ended(converter_pointer self) {
  auto& s = self->state;
  std::visit(base::overloaded{[&](const file_converted&) {
                                s.at = stage::offering;
                                self->send(s.supervisor,
                                           result_offered{s.order.index, s.lease.lease});
                              },
                              [&](const conversion_interrupted& end) { on_given_back(self, end); },
                              [&](const conversion_failed& end) { on_failed(self, end.error); }},
             *s.outcome);
}

// What the outputs' names say about the file.
void on_placed(converter_pointer self, const std::vector<persistence::placed_output>& placed) {
  using persistence::placement;
  auto& s = self->state;
  auto& done = std::get<file_converted>(*s.outcome); // else it would not be placing
  auto result = done.result;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    const auto& output = placed[i];
    if (output.how == placement::exists)
      return report_failure(self, {domain::failure_reason::output_exists, done.staged[i].target});
    if (output.how == placement::failed && output.error.disk_full()) {
      self->send(s.peers.dispatcher, hold_leases{limits::disk_full_wait_ms, true});
      return report_interruption(self, domain::interruption::disk_full);
    }
    if (output.how == placement::failed)
      return report_or_doubt(self, {domain::failure_reason::io_error, output.error.text()});
    if (output.how == placement::existing_kept) result.losses.add(domain::loss::existing_kept);
    result.outputs[i].bytes = output.bytes;
    result.outputs[i].sha256 = output.sha256;
    result.outputs[i].crc32 = output.crc32;
  }
  result.index = s.order.index;
  result.stages.probe_us = s.took.probe_us;
  result.stages.wait_us = s.took.wait_us;
  self->send(s.supervisor, file_placed{s.lease.lease, std::move(result), std::move(done.staged)});
  end(self);
}

// The supervisor is gone: nobody waits for this file.
void on_orphaned(converter_pointer self) {
  auto& s = self->state;
  if (s.at == stage::converting)
    self->send(s.lease.pool, interrupt_conversion{s.lease.lease});
  else if (s.at == stage::starting)
    give_lease_back(self);
  else if (s.at == stage::waiting)
    self->send(s.peers.dispatcher, withdraw_request{s.order.batch, s.order.index});
  if (s.at != stage::placing) discard_staged(self);
  // What is on its way comes back first.
  if (s.at == stage::waiting || s.at == stage::converting)
    s.at = stage::stopping;
  else if (s.at != stage::withdrawing && s.at != stage::stopping)
    end(self);
}

} // namespace

converter_actor::behavior_type converter(converter_pointer self, batch_supervisor_actor supervisor,
                                         converter_peers peers, conversion_order order) {
  auto& s = self->state;
  s.supervisor = std::move(supervisor);
  s.peers = std::move(peers);
  s.order = std::move(order);
  self->monitor(s.supervisor);
  self->set_down_handler([self](const caf::down_msg&) { on_orphaned(self); });
  s.since = self->clock().now();
  begin(self);
  return {
      [self](const file_probed& message) {
        auto& st = self->state;
        if (st.at == stage::withdrawing) {
          self->send(st.supervisor, file_withdrawn{st.order.index});
          end(self);
          return;
        }
        st.took.probe_us = lap_us(self);
        if (!message.info) return report_or_doubt(self, message.info.error());
        if (st.order.file->outputs.size() != st.order.spec->outputs.size())
          return report_failure(self,
                                {domain::failure_reason::internal, "planned for another spec"});
        auto plan = codecs::plan_conversion(*message.info, st.order.file->bytes, *st.order.spec);
        if (!plan) return report_failure(self, plan.error());
        st.plan = std::move(*plan);
        self->send(st.supervisor,
                   cost_predicted{st.order.index, predict_cost(*message.info, st.order.file->bytes,
                                                               *st.order.spec, st.plan)});
        ask_for_lease(self);
      },
      [self](const lease_granted& message) {
        auto& st = self->state;
        st.lease = message;
        if (st.at == stage::withdrawing || st.at == stage::stopping) {
          give_lease_back(self);
          if (st.at == stage::withdrawing)
            self->send(st.supervisor, file_withdrawn{st.order.index});
          end(self);
          return;
        }
        st.at = stage::starting;
        st.took.wait_us = lap_us(self);
        self->send(st.supervisor, attempt_starting{st.order.index, message.lease, message.node});
      },
      [self](const lease_impossible& message) {
        const auto& st = self->state;
        report_failure(self, {domain::failure_reason::limit_memory,
                              "needs about " + std::to_string(st.memory_bytes / limits::MiB) +
                                  " MiB, the budget leaves " +
                                  std::to_string(message.memory_max_bytes / limits::MiB) +
                                  " MiB for one file"});
      },
      [self](request_withdrawn) {
        auto& st = self->state;
        if (st.at == stage::withdrawing) self->send(st.supervisor, file_withdrawn{st.order.index});
        end(self);
      },
      [self](attempt_started) {
        if (self->state.at == stage::starting) convert(self);
      },
      [self](attempt_refused) {
        give_lease_back(self);
        self->send(self->state.supervisor, file_withdrawn{self->state.order.index});
        end(self);
      },
      [self](const conversion_ended& message) {
        auto& st = self->state;
        st.outcome = message.outcome;
        if (st.at == stage::stopping) {
          discard_staged(self);
          end(self);
          return;
        }
        on_conversion_ended(self);
      },
      [self](result_accepted) {
        auto& st = self->state;
        if (st.at != stage::offering) return;
        st.at = stage::placing;
        const auto& staged = std::get<file_converted>(*st.outcome).staged;
        if (staged.empty()) return on_placed(self, {}); // nothing to name
        self->send(st.peers.placer, place_outputs{staged});
      },
      [self](result_refused) {
        discard_staged(self);
        end(self);
      },
      [self](const outputs_placed& message) { on_placed(self, message.placed); },
      [self](withdraw_file) {
        auto& st = self->state;
        if (st.at == stage::waiting)
          self->send(st.peers.dispatcher, withdraw_request{st.order.batch, st.order.index});
        if (st.at == stage::doubting && st.lease.lease == 0) {
          self->send(st.supervisor, file_withdrawn{st.order.index});
          return end(self);
        }
        if (st.at == stage::waiting || st.at == stage::probing) st.at = stage::withdrawing;
      },
      [self](const reprioritise_file& message) {
        auto& st = self->state;
        st.order.priority = message.priority;
        if (st.at == stage::waiting)
          self->send(st.peers.dispatcher,
                     reprioritise_request{st.order.batch, st.order.index, message.priority});
      },
      [self](interrupt_file) {
        auto& st = self->state;
        if (st.at == stage::converting) {
          self->send(st.lease.pool, interrupt_conversion{st.lease.lease});
          st.at = stage::stopping;
        } else if (st.at == stage::starting) {
          give_lease_back(self);
          end(self);
        } else if (st.at == stage::offering) {
          discard_staged(self);
          end(self);
        } else if (st.at == stage::doubting) {
          end(self);
        }
      },
      [self](store_verdict) {
        if (self->state.at == stage::doubting) on_verdict(self);
      },
  };
}

} // namespace darkroom::actors
