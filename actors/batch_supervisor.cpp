#include "actors/at_rest.hpp"
#include "actors/batch_requests.hpp"
#include "actors/clock_ms.hpp"
#include "actors/event_accounting.hpp"
#include "actors/limits.hpp"
#include "domain/limits.hpp"
#include "persistence/snapshot_rule.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace darkroom::actors {

namespace {

using domain::file_index;
using domain::file_status;

void answer_pending(supervisor_pointer self, std::uint64_t ticket, bool durable) {
  auto& s = self->state;
  while (!s.pending.empty() && s.pending.front().ticket <= ticket) {
    auto then = std::move(s.pending.front().then);
    s.unsynced = !s.pending.front().durable;
    s.commands_pending -= s.pending.front().commands;
    s.pending.pop_front();
    if (then) then(durable);
  }
}

bool runs(const batch_supervisor_state& s) {
  return s.working.phase == domain::batch_phase::running && !s.ending;
}

bool wanted(const batch_supervisor_state& s, file_index i) {
  return s.working.files[i] == file_status::queued && !s.in_flight.contains(i) &&
         !s.fetching.contains(i) && !s.working.awaits_names(i);
}

bool is_suspect(const batch_supervisor_state& s, file_index i) {
  const auto history = s.working.histories.find(i);
  return history != s.working.histories.end() && history->second.crashes > 0;
}

std::optional<file_index> next_file(batch_supervisor_state& s) {
  while (!s.ready.empty()) {
    const auto i = s.ready.front();
    s.ready.pop_front();
    if (wanted(s, i)) return i;
  }
  while (s.next_index < s.working.files.size()) {
    if (s.working.awaits_names(s.next_index)) return std::nullopt; // its turn comes with its names
    const auto i = s.next_index++;
    if (!wanted(s, i)) continue;
    if (!is_suspect(s, i)) return i;
    s.suspects.push_back(i);
  }
  while (!s.suspects.empty()) {
    const auto i = s.suspects.front();
    s.suspects.pop_front();
    if (wanted(s, i)) return i;
  }
  return std::nullopt;
}

// Looks again in a while, if files are left.
void look_for_quota(supervisor_pointer self) {
  auto& s = self->state;
  if (s.quota_tick_scheduled || s.working.open() == 0) return;
  s.quota_tick_scheduled = true;
  self->delayed_send(self, std::chrono::milliseconds(limits::quota_look_ms), quota_tick{});
}

// How many files may be in flight, so that never more than `slots_max` run.
std::size_t window_of(const batch_supervisor_state& s) {
  const std::size_t most = s.share.files;
  return s.working.slots_max == 0 ? most : std::min<std::size_t>(most, s.working.slots_max);
}

// Tells the dispatcher what there is to do, when that has changed by a part that matters for shares
// and for places in the queue.
void tell_need(supervisor_pointer self, bool may_run) {
  auto& s = self->state;
  batch_need need{s.id, s.working.owner, s.working.priority, 0};
  if (may_run)
    need.files = s.working.count(file_status::queued) + s.working.count(file_status::running);
  if (s.working.slots_max != 0)
    need.files = std::min<std::uint64_t>(need.files, s.working.slots_max);
  if (!s.told_need && need.files == 0) return;
  if (s.told_need && need.files != 0 && s.told_need->priority == need.priority) {
    const auto told = s.told_need->files;
    const auto apart = told > need.files ? told - need.files : need.files - told;
    if (apart < std::max<std::uint64_t>(told / limits::need_told_part, 1)) return;
  }
  s.told_need = need.files == 0 ? std::nullopt : std::optional{need};
  if (need.files == 0) s.share = {};
  self->send(s.peers.converters.dispatcher, batch_needs{std::move(need)});
}

} // namespace

// Files are read from the journal a quarter of the window at a time.
void fill(supervisor_pointer self) {
  auto& s = self->state;
  const bool may_run = runs(s) && !waits_for_quota(s);
  tell_need(self, may_run);
  if (!may_run) {
    if (runs(s)) look_for_quota(self);
    return;
  }
  const std::size_t busy = s.in_flight.size() + s.fetching.size();
  const std::size_t window = window_of(s);
  const std::size_t handful = std::max<std::size_t>(1, window / 4);
  const bool some_came_back = !s.ready.empty(); // these may be few, and the last
  if (busy + handful > window && !some_came_back) return;
  fetch_files wish{s.id, {}, s.spec_number};
  while (busy + wish.indexes.size() < window) {
    const auto i = next_file(s);
    if (!i) break;
    s.fetching.insert(*i);
    wish.indexes.push_back(*i);
  }
  if (!wish.indexes.empty()) self->send(s.peers.journal, std::move(wish));
}

namespace {

void spawn_converter(supervisor_pointer self, persistence::file_record& record) {
  auto& s = self->state;
  if (!s.spec || *s.spec != s.working.spec)
    s.spec = std::make_shared<const domain::conversion_spec>(s.working.spec);
  const auto history = s.working.histories.find(record.index);
  const std::uint32_t crashes = history == s.working.histories.end() ? 0 : history->second.crashes;
  conversion_order order;
  order.batch = s.id;
  order.owner = s.working.owner;
  order.priority = s.working.priority;
  order.spec = s.spec;
  order.file = std::make_shared<const domain::file_entry>(std::move(record.entry));
  order.index = record.index;
  order.suspect = crashes > 0;
  order.may_be_placed = s.from_journal;
  const bool alone = crashes >= limits::crashes_before_alone || s.run_alone.contains(record.index);
  order.alone = alone;
  if (const auto memory = s.memory_needed.find(record.index); memory != s.memory_needed.end())
    order.memory_bytes_min = memory->second;
  s.forecast.fetch(record.index, order.file->bytes);
  auto made = self->spawn<caf::monitored>(converter, batch_supervisor_actor{self},
                                          s.peers.converters, std::move(order));
  s.converters[made.address()] = record.index;
  auto& file = s.in_flight[record.index];
  file.converter = std::move(made);
  file.alone = alone;
}

void schedule_tick(supervisor_pointer self) {
  auto& s = self->state;
  if (s.retries.empty()) return;
  const auto now = clock_ms(self->clock());
  const auto due = s.retries.begin()->first;
  if (s.tick_at_ms && *s.tick_at_ms <= due) return;
  s.tick_at_ms = due; // one that comes later than this finds nothing to do
  self->delayed_send(self, std::chrono::milliseconds(due > now ? due - now : 0), retry_tick{});
}

void schedule_retry(supervisor_pointer self, file_index i, std::uint32_t delay_ms) {
  self->state.retries.emplace(clock_ms(self->clock()) + delay_ms, i);
  schedule_tick(self);
}

// Nothing more is expected of it; its attempt counts until what is returned is gone.
std::shared_ptr<const void> settle(batch_supervisor_state::file_in_flight& file) {
  file.settled = true;
  return std::move(file.attempt);
}

bool finishing(const batch_supervisor_state& s, file_index i) {
  return s.working.finishing.contains(i);
}

// Files that have not started wait in vain while the batch does not run.
void withdraw_waiting(supervisor_pointer self) {
  auto& s = self->state;
  for (auto& [index, file] : s.in_flight)
    if (file.lease == 0 && !file.settled) self->send(file.converter, withdraw_file{});
}

// Takes files back that wait for a lease, the last ones first, until the window is kept.
void withdraw_beyond_share(supervisor_pointer self) {
  auto& s = self->state;
  auto busy = s.in_flight.size() + s.fetching.size();
  for (auto at = s.in_flight.rbegin(); at != s.in_flight.rend() && busy > s.share.files; ++at) {
    const auto& file = at->second;
    if (file.lease != 0 || file.settled) continue;
    self->send(file.converter, withdraw_file{});
    busy -= 1;
  }
}

// Ends the files in flight that the state has taken back. One that it lets run, because its result
// was accepted or because it has started again meanwhile, is let be.
void interrupt_running(supervisor_pointer self) {
  auto& s = self->state;
  for (auto& [index, file] : s.in_flight)
    if (file.lease != 0 && !file.settled && s.working.files[index] != file_status::running) {
      file.settled = true;
      self->send(file.converter, interrupt_file{});
    }
}

void finish_giving_back(supervisor_pointer self) {
  auto& s = self->state;
  if (!s.ending || !s.end_promise || !s.in_flight.empty() || !s.pending.empty()) return;
  stop_planner(self);
  refuse_held(self);
  s.end_promise->deliver(gave_back{!at_rest(s.working.phase, s.working.counts), false});
  s.end_promise.reset();
  self->quit();
}

void on_converter_down(supervisor_pointer self, const caf::actor_addr& who) {
  auto& s = self->state;
  const auto known = s.converters.find(who);
  if (known == s.converters.end()) return on_planner_down(self, who);
  const auto index = known->second;
  s.converters.erase(known);
  const auto file = s.in_flight[index];
  s.in_flight.erase(index);
  if (!file.settled) { // it died without a word; DISPATCHER ends what it had asked for
    s.working.finishing.erase(index);
    carry_out(self, domain::interrupt_file{index, domain::interruption::converter_lost});
  }
  if (s.working.files[index] == file_status::queued) s.ready.push_back(index);
  fill(self);
  finish_giving_back(self);
  tell_when_idle(self);
}

// Begins again after a crash or a failed journal.
void recover(supervisor_pointer self, bool by_crash) {
  auto& s = self->state;
  auto interrupted = domain::execute(s.working, domain::recover_batch{!by_crash});
  if (interrupted && !interrupted->empty()) {
    if (const auto* e = std::get_if<domain::batch_recovered>(&interrupted->front()))
      self->send(s.peers.journal, fetch_files{s.id, e->interrupted, s.spec_number, true});
    journal_events(self, std::move(*interrupted), true, nullptr);
  }
  for (file_index i = 0; i < s.working.files.size(); ++i)
    if (s.working.files[i] == file_status::retry_wait) schedule_retry(self, i, 0);
  fill(self);
}

// Whether nothing is on its way, and nothing is known that the journal does not tell.
bool is_idle(const batch_supervisor_state& s) {
  if (s.ending || !at_rest(s.working.phase, s.working.counts) || !s.in_flight.empty() ||
      !s.pending.empty() || s.reading_names || s.planner || !s.held_commands.empty() ||
      !s.held_additions.empty())
    return false;
  return domain::is_terminal(s.working.phase) || (s.run_alone.empty() && s.memory_needed.empty());
}

} // namespace

bool carry_out(supervisor_pointer self, const domain::command& command, bool durable,
               std::function<void(bool)> then) {
  auto events = domain::execute(self->state.working, command);
  if (!events || events->empty()) return false;
  journal_events(self, std::move(*events), durable, std::move(then));
  return true;
}

bool waits_for_quota(const batch_supervisor_state& s) {
  return s.peers.usage && s.peers.usage->day_used_up(s.working.owner, s.seams.now_us());
}

persistence::batch_summary summary_of(const batch_supervisor_state& s) {
  persistence::batch_summary summary;
  summary.id = s.id;
  summary.created_us = s.created_us;
  summary.changed_us = s.changed_us;
  persistence::describe(summary, s.working);
  summary.seq = s.last_seq;
  summary.command_seq = s.command_seq;
  summary.started_us = s.started_us;
  summary.ended_us = s.ended_us;
  return summary;
}

// Journals what was decided and applied; `then` runs when it is durable (or, with `durable` false,
// written), or with false when it is in doubt.
void journal_events(supervisor_pointer self, std::vector<domain::event> events, bool durable,
                    std::function<void(bool)> then,
                    std::vector<persistence::access_record> records) {
  auto& s = self->state;
  const auto now = s.seams.now_us();
  if (!events.empty()) s.changed_us = now;
  std::size_t commands = 0;
  for (const auto& e : events) {
    commands += domain::is_command_event(e);
    s.tail_cost += domain::replay_cost(e);
    note_event(s, e, now);
  }
  s.commands_pending += commands;
  append_events message;
  message.ticket = s.next_ticket++;
  message.durable = durable;
  message.request.batch = s.id;
  message.request.time_us = now;
  if (s.day) records.emplace_back(*std::exchange(s.day, std::nullopt));
  if (s.peers.calibration)
    for (auto& ratio : s.peers.calibration->take_changed(domain::is_terminal(s.working.phase)))
      records.emplace_back(std::move(ratio));
  message.request.records = std::move(records);
  message.request.events = std::move(events);
  message.request.summary = summary_of(s);
  if (persistence::snapshot_due(s.tail_cost, s.working.files.size())) {
    message.request.snapshot = std::make_shared<const domain::batch_state>(s.working);
    s.tail_cost = 0;
  }
  // Nobody may hear of a deletion before it is durable.
  if (s.peers.usage && s.working.phase != domain::batch_phase::deleted)
    s.peers.usage->set(message.request.summary);
  s.pending.push_back({message.ticket, durable, commands, std::move(then)});
  self->send(s.peers.journal, std::move(message));
}

// What follows outside from the batch's new phase.
void act_on_phase(supervisor_pointer self) {
  auto& s = self->state;
  plan_missing_names(self);
  fill(self);
  if (s.working.phase == domain::batch_phase::running) return;
  withdraw_waiting(self);
  if (domain::is_terminal(s.working.phase)) interrupt_running(self);
}

void act_on_command(supervisor_pointer self, const domain::command& command) {
  auto& s = self->state;
  if (std::holds_alternative<domain::retry_batch>(command)) s.next_index = 0;
  if (const auto* change = std::get_if<domain::change_priority>(&command))
    for (const auto& [index, file] : s.in_flight)
      if (file.lease == 0 && !file.settled)
        self->send(file.converter, reprioritise_file{change->priority});
  const auto* pause = std::get_if<domain::pause_batch>(&command);
  if (pause != nullptr && pause->mode == domain::pause_mode::interrupt) interrupt_running(self);
}

void tell_when_idle(supervisor_pointer self) {
  auto& s = self->state;
  if (s.said_idle || !is_idle(s)) return;
  s.said_idle = true;
  if (const auto to = caf::actor_cast<caf::strong_actor_ptr>(s.peers.coordinator))
    self->send(caf::actor_cast<coordinator_actor>(to),
               batch_idle{s.id, domain::is_terminal(s.working.phase),
                          s.working.phase == domain::batch_phase::deleted});
}

batch_supervisor_actor::behavior_type
batch_supervisor(supervisor_pointer self, persistence::batch_summary known,
                 std::shared_ptr<persistence::positioned_state> replayed, bool by_crash,
                 supervisor_peers peers, supervisor_seams seams) {
  auto& s = self->state;
  s.id = known.id;
  s.created_us = known.created_us;
  s.changed_us = known.changed_us;
  s.started_us = known.started_us;
  s.ended_us = known.ended_us;
  s.rate.restart(seams.now_us());
  s.peers = std::move(peers);
  s.seams = std::move(seams);
  if (s.peers.calibration)
    s.forecast.calibrate(
        [known = s.peers.calibration](const std::string& kind) { return known->time_ratio(kind); });
  self->set_down_handler([self](const caf::down_msg& down) {
    if (self->state.name_reader && down.source == self->state.name_reader)
      on_name_reader_down(self, down.reason);
    else
      on_converter_down(self, down.source);
  });
  if (replayed) {
    s.working = std::move(replayed->state);
    s.last_seq = replayed->seq;
    s.command_seq = replayed->command_seq;
    s.tail_cost = replayed->tail_cost;
    s.from_journal = true;
    recover(self, by_crash);
    plan_missing_names(self);
    tell_when_idle(self);
  }
  return {
      [self](const batch_request& request) -> caf::result<command_outcome> {
        auto promise = self->make_response_promise<command_outcome>();
        on_request(self, request, promise);
        return promise;
      },
      [self](const add_files_request& request) -> caf::result<files_outcome> {
        auto promise = self->make_response_promise<files_outcome>();
        on_add_files(self, request, promise);
        return promise;
      },
      [self](const names_loaded& message) { on_names_loaded(self, message); },
      [self](names_planned& message) { on_names_planned(self, message); },
      [self](const describe_batch& message) { return describe(self, message.files); },
      [self](give_back message) -> caf::result<gave_back> {
        auto& st = self->state;
        if (message.if_idle && !is_idle(st)) {
          st.said_idle = false;
          return gave_back{false, true};
        }
        st.ending = true;
        st.end_promise = self->make_response_promise<gave_back>();
        auto promise = *st.end_promise;
        withdraw_waiting(self);
        std::vector<file_index> running;
        for (const auto& [index, file] : st.in_flight)
          if (file.lease != 0 && !finishing(st, index)) running.push_back(index);
        for (const auto index : running)
          carry_out(self, domain::interrupt_file{index, domain::interruption::shutdown}, true,
                    [self](bool) { finish_giving_back(self); });
        interrupt_running(self);
        finish_giving_back(self);
        return promise;
      },
      [self](const events_appended& message) {
        auto& st = self->state;
        if (message.last != 0) st.last_seq = message.last;
        if (message.last_command != 0) st.command_seq = message.last_command;
        const bool last = message.ticket + 1 == st.next_ticket;
        if (last && st.peers.usage && st.working.phase == domain::batch_phase::deleted)
          st.peers.usage->set(summary_of(st));
        answer_pending(self, message.ticket, true);
        finish_giving_back(self);
        tell_when_idle(self);
      },
      [self](const append_failed& message) {
        self->state.journal_lost = true;
        answer_pending(self, message.ticket, false);
        refuse_held(self);
      },
      [self](files_fetched& message) {
        auto& st = self->state;
        for (auto& record : message.files) {
          if (message.to_sweep) {
            self->send(st.peers.converters.placer,
                       sweep_outputs{st.id, record.index, record.entry.outputs});
            continue;
          }
          if (message.spec_number != st.spec_number) continue; // with names of the spec before
          if (st.fetching.erase(record.index) == 0) continue;
          if (!runs(st)) st.next_index = std::min(st.next_index, record.index);
          if (runs(st) && st.working.files[record.index] == file_status::queued)
            spawn_converter(self, record);
        }
        fill(self);
      },
      [self](const window_share& message) {
        auto& st = self->state;
        if (!st.told_need) return; // it needs nothing any more
        st.share = message;
        if (message.take_back) withdraw_beyond_share(self);
        fill(self);
      },
      [self](const cost_predicted& message) {
        self->state.forecast.predict(message.index, message.predicted);
      },
      [self](const attempt_starting& message) {
        auto& st = self->state;
        const auto file = st.in_flight.find(message.index);
        if (file == st.in_flight.end()) return;
        const auto converter = file->second.converter;
        const auto started = [self, converter](bool written) {
          if (written) self->send(converter, attempt_started{});
        };
        const bool held = waits_for_quota(st);
        if (!held && runs(st) && !file->second.outdated &&
            carry_out(self, domain::start_file{message.index, message.lease, message.node}, false,
                      started)) {
          file->second.lease = message.lease;
          file->second.local = message.node == domain::local_node;
          file->second.attempt = count_attempt(st.peers.attempts, file->second.alone);
        } else {
          self->send(converter, attempt_refused{});
        }
        if (held) withdraw_waiting(self); // they would stand before others in the queue
      },
      [self](const result_offered& message) {
        auto& st = self->state;
        const auto file = st.in_flight.find(message.index);
        const bool current = file != st.in_flight.end() && !file->second.settled &&
                             file->second.lease == message.lease &&
                             st.working.files[message.index] == file_status::running;
        const auto converter = caf::actor_cast<converter_actor>(self->current_sender());
        if (current) {
          st.working.finishing.insert(message.index);
          self->send(converter, result_accepted{});
        } else {
          self->send(converter, result_refused{});
        }
      },
      [self](const file_placed& message) {
        auto& st = self->state;
        std::shared_ptr<const void> attempt;
        if (const auto file = st.in_flight.find(message.result.index); file != st.in_flight.end())
          attempt = settle(file->second);
        st.memory_needed.erase(message.result.index);
        // The batch was deleted meanwhile: nobody will ever ask for these.
        if (!carry_out(self, domain::complete_file{message.lease, message.result}, true,
                       [attempt](bool) {}) &&
            st.working.phase == domain::batch_phase::deleted)
          self->send(st.peers.converters.placer, take_back_outputs{message.staged});
      },
      [self](const attempt_failed& message) {
        auto& st = self->state;
        const auto file = st.in_flight.find(message.index);
        if (file == st.in_flight.end() || file->second.settled) return;
        const auto attempt = settle(file->second);
        // Its header does not go with the spec before: with this one it may.
        if (file->second.outdated && file->second.lease == 0) return;
        st.working.finishing.erase(message.index);
        auto events = domain::execute(
            st.working, domain::fail_file{message.index, message.lease, message.error.reason,
                                          message.error.detail, st.seams.chance()});
        if (!events || events->empty()) return;
        if (const auto* wait = std::get_if<domain::file_retry_scheduled>(&events->front()))
          schedule_retry(self, message.index, wait->delay_ms);
        journal_events(self, std::move(*events), true, [self, attempt](bool durable) {
          if (durable) act_on_phase(self);
        });
      },
      [self](const attempt_interrupted& message) {
        auto& st = self->state;
        const auto file = st.in_flight.find(message.index);
        if (file == st.in_flight.end() || file->second.settled) return;
        const auto attempt = settle(file->second);
        st.working.finishing.erase(message.index);
        if (message.memory_bytes != 0) st.memory_needed[message.index] = message.memory_bytes;
        if (message.cause == domain::interruption::host_killed) st.run_alone.insert(message.index);
        carry_out(self, domain::interrupt_file{message.index, message.cause}, true,
                  [attempt](bool) {});
      },
      [self](const file_withdrawn& message) {
        if (const auto file = self->state.in_flight.find(message.index);
            file != self->state.in_flight.end())
          file->second.settled = true;
      },
      [self](retry_tick) {
        auto& st = self->state;
        const auto now = clock_ms(self->clock());
        if (st.tick_at_ms && *st.tick_at_ms <= now) st.tick_at_ms.reset();
        while (!st.retries.empty() && st.retries.begin()->first <= now) {
          const auto index = st.retries.begin()->second;
          st.retries.erase(st.retries.begin());
          if (carry_out(self, domain::requeue_file{index}) && !st.in_flight.contains(index))
            st.ready.push_back(index);
        }
        schedule_tick(self);
        fill(self);
      },
      [self](quota_tick) {
        self->state.quota_tick_scheduled = false;
        fill(self);
      },
      [self](planning_tick) {
        self->state.planning_tick_scheduled = false;
        plan_missing_names(self);
      },
      [self](naming_tick) { start_name_reader(self); },
  };
}

} // namespace darkroom::actors
