#include "actors/coordinator.hpp"
#include "actors/clock_ms.hpp"

#include "actors/limits.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace darkroom::actors {

namespace {

using coordinator_pointer = coordinator_actor::stateful_pointer<coordinator_state>;

constexpr auto ask_timeout = std::chrono::milliseconds(limits::drain_ms + limits::actor_stop_ms);

supervisor_peers peers_of(const coordinator_parts& parts) {
  return {
      parts.journal,        {parts.dispatcher, parts.pool, parts.placer, parts.store_failed_since},
      parts.usage,          parts.calibration,
      parts.views,          parts.numbers,
      parts.attempts,       parts.detached_readers,
      parts.naming_threads, nullptr};
}

void supervise(coordinator_pointer self, const persistence::batch_summary& known,
               std::shared_ptr<persistence::positioned_state> replayed, bool by_crash) {
  auto& s = self->state;
  auto peers = peers_of(s.parts);
  peers.coordinator = self->address();
  s.supervisors[known.id] = self->spawn<caf::monitored>(
      batch_supervisor, known, std::move(replayed), by_crash, std::move(peers), s.parts.seams);
}

// Tells those who wait for a batch whether it is there.
void release(std::map<domain::batch_id, coordinator_state::waiting_requests>& from,
             const domain::batch_id& batch, bool found) {
  auto waiting = from.extract(batch);
  if (waiting.empty()) return;
  for (const auto& go_on : waiting.mapped())
    go_on(found);
}

void fail_to_open(coordinator_pointer self, const std::string& why) {
  auto& s = self->state;
  // Once for each reason: an outage may last for days.
  if (why != s.announced_fault) s.announce("the journal cannot be used, trying again: " + why);
  s.announced_fault = why;
  self->delayed_send(self, std::chrono::milliseconds(limits::journal_reopen_ms), reopen_tick{});
}

// All that is asked of the batch waits for the answer, so that nothing is appended to it meanwhile.
void ask_for_replay(coordinator_pointer self, const domain::batch_id& batch) {
  const auto failures = self->state.journal_failures;
  self->request(self->state.parts.journal, ask_timeout, replay_batch{batch})
      .then(
          [self, batch, failures](const batch_replayed& message) {
            auto& st = self->state;
            // Read from a journal that has failed since: some of it may not have come about.
            const bool outdated = st.journal_failures != failures;
            if (outdated && !st.journal_broken && !st.ending) return ask_for_replay(self, batch);
            const bool found = message.state != nullptr && !st.journal_broken && !st.ending;
            if (message.error.empty())
              st.unreadable.erase(batch);
            else if (st.unreadable.insert(batch).second)
              st.announce("batch " + domain::to_string(batch) +
                          " cannot be read: " + message.error);
            if (found && !st.supervisors.contains(batch))
              supervise(self, message.summary, message.state, false);
            release(st.replaying, batch, found);
          },
          [self, batch](const caf::error&) {
            self->state.unreadable.insert(batch);
            release(self->state.replaying, batch, false);
          });
}

// Reads a batch at rest from the journal and takes it up; `then` learns whether it is there.
void replay(coordinator_pointer self, const domain::batch_id& batch,
            std::function<void(bool)> then) {
  const auto [waiting, first] = self->state.replaying.try_emplace(batch);
  waiting->second.push_back(std::move(then));
  if (first) ask_for_replay(self, batch);
}

void load(coordinator_pointer self) {
  auto& s = self->state;
  self->request(s.parts.journal, caf::infinite, load_batches{})
      .then(
          [self](const batches_loaded& loaded) {
            if (!loaded.error.empty()) return fail_to_open(self, loaded.error);
            auto& st = self->state;
            if (st.journal_broken) st.announce("the journal is open again");
            st.announced_fault.clear();
            // After a failed journal, some of what was told never came about.
            if (st.parts.usage) st.parts.usage->replace(loaded.shares);
            st.journal_broken = false;
            if (st.parts.numbers) st.parts.numbers->batches_loaded = true;
            for (const auto& batch : loaded.working)
              if (!st.supervisors.contains(batch.summary.id))
                supervise(self, batch.summary, batch.state, st.first_load);
            // Blobs of these have not been counted since the start. What was deleted since then is
            // known to JOURNAL, which goes on with it when it is open again.
            if (st.first_load)
              for (const auto& id : loaded.deleted)
                self->send(st.parts.journal, purge_batch{id, false});
            st.loading = false;
            st.first_load = false;
            for (auto& go_on : std::exchange(st.waiting, {}))
              go_on();
          },
          [self](const caf::error&) { fail_to_open(self, "the journal does not answer"); });
}

// Nothing may run unjournaled, and nothing runs without the others either.
bool is_part_of(const coordinator_parts& parts, const caf::actor_addr& who) {
  return who == parts.journal.address() || who == parts.hub.address() ||
         who == parts.dispatcher.address() || who == parts.pool.address() ||
         who == parts.placer.address() || (parts.remover && who == parts.remover.address());
}

// A supervisor that dies of itself begins again from what is on disk, but not for ever.
void on_down(coordinator_pointer self, const caf::actor_addr& who) {
  auto& s = self->state;
  if (!s.ending && is_part_of(s.parts, who)) {
    s.announce("a fault in Darkroom itself: an actor that all others need has died; start again");
    s.give_up();
    return;
  }
  const auto dead = std::ranges::find_if(
      s.supervisors, [&](const auto& entry) { return entry.second.address() == who; });
  if (dead == s.supervisors.end()) return; // ended by us
  const auto id = dead->first;
  s.supervisors.erase(dead);
  std::erase(s.ended, id);
  s.resting.remove(id);
  if (s.ending || s.journal_broken) return;
  const bool again = ++s.restarts[id] <= limits::supervisor_restarts_max;
  s.announce("a fault in Darkroom itself ended the work on batch " + domain::to_string(id) +
             (again ? "; it begins again" : "; it stays stopped until the next start"));
  if (!again) return;
  replay(self, id, [self, id](bool found) {
    const auto& st = self->state;
    if (!found && !st.ending && !st.journal_broken) // else it comes with all others
      st.announce("batch " + domain::to_string(id) +
                  " cannot be read from the journal; it stays stopped until it is asked for");
  });
}

// Ends with its children: nobody else would.
void on_exit(coordinator_pointer self, const caf::exit_msg& message) {
  for (const auto& [id, supervisor] : std::exchange(self->state.supervisors, {}))
    self->send_exit(supervisor, message.reason);
  self->quit(message.reason);
}

// Edge inwards: pool, dispatcher and placer have nothing left to do; the journal goes last.
void end_parts(coordinator_pointer self) {
  auto& s = self->state;
  const auto reason = caf::exit_reason::user_shutdown;
  self->send_exit(s.parts.pool, reason);
  self->send_exit(s.parts.dispatcher, reason);
  self->send_exit(s.parts.placer, reason);
  self->send_exit(s.parts.journal, reason);
  if (s.parts.remover) self->send_exit(s.parts.remover, reason);
  self->send_exit(s.parts.hub, reason);
  if (s.end_promise) s.end_promise->deliver(shut_down_done{});
  self->quit();
}

void give_everything_back(coordinator_pointer self) {
  auto& s = self->state;
  s.giving_back = s.supervisors.size();
  if (s.giving_back == 0) return end_parts(self);
  const auto one_less = [self] {
    if (--self->state.giving_back == 0) end_parts(self);
  };
  for (const auto& [id, supervisor] : s.supervisors)
    self->request(supervisor, std::chrono::milliseconds(limits::actor_stop_ms), give_back{})
        .then([one_less](gave_back) { one_less(); }, [one_less](const caf::error&) { one_less(); });
}

// It had something to do after all, and goes on.
void take_up_again(coordinator_pointer self, const domain::batch_id& batch,
                   const batch_supervisor_actor& supervisor, std::uint64_t journal_failures) {
  auto& s = self->state;
  if (s.journal_failures != journal_failures) { // as all others were
    self->send_exit(supervisor, caf::exit_reason::kill);
  } else if (s.ending) {
    self->request(supervisor, ask_timeout, give_back{})
        .then([](gave_back) {}, [](const caf::error&) {});
  } else {
    s.supervisors[batch] = supervisor;
    self->monitor(supervisor);
  }
}

// Lets a batch leave the memory, unless it has something to do; what comes for it meanwhile waits,
// and reads it again. By value: the id may lie in a list that it is taken from.
void let_go(coordinator_pointer self, domain::batch_id batch, bool deleted) {
  auto& s = self->state;
  const auto at = s.supervisors.find(batch);
  if (at == s.supervisors.end() || s.ending) return;
  const auto supervisor = at->second;
  self->demonitor(supervisor.address());
  s.supervisors.erase(at);
  std::erase(s.ended, batch);
  s.resting.remove(batch);
  s.leaving.try_emplace(batch);
  const auto failures = s.journal_failures;
  const auto gone = [self, batch, deleted](bool live) {
    auto& st = self->state;
    if (deleted) self->send(st.parts.journal, purge_batch{batch, true});
    release(st.leaving, batch, false);
    if (live) replay(self, batch, [](bool) {}); // it was taken up again at the last moment
  };
  self->request(supervisor, ask_timeout, give_back{.if_idle = !deleted})
      .then(
          [self, batch, supervisor, failures, gone](const gave_back& message) {
            if (message.stays) take_up_again(self, batch, supervisor, failures);
            gone(message.live);
          },
          [gone](const caf::error&) { gone(true); });
}

void schedule_rest_tick(coordinator_pointer self, std::uint64_t now_ms) {
  auto& s = self->state;
  const auto oldest_ms = s.resting.oldest_ms();
  if (s.rest_tick_scheduled || !oldest_ms) return;
  s.rest_tick_scheduled = true;
  const auto due_ms = *oldest_ms + limits::resting_batch_kept_ms;
  self->delayed_send(self, std::chrono::milliseconds(due_ms - std::min(due_ms, now_ms)),
                     rest_tick{});
}

void on_idle(coordinator_pointer self, const batch_idle& message) {
  auto& s = self->state;
  if (message.deleted) return let_go(self, message.batch, true);
  if (!s.supervisors.contains(message.batch)) return; // it has left meanwhile
  std::erase(s.ended, message.batch);
  s.resting.remove(message.batch);
  if (!message.ended) {
    const auto now_ms = clock_ms(self->clock());
    s.resting.add(message.batch, now_ms);
    return schedule_rest_tick(self, now_ms);
  }
  s.ended.push_back(message.batch);
  if (s.ended.size() > limits::ended_batches_kept) let_go(self, s.ended.front(), false);
}

void on_rest_tick(coordinator_pointer self) {
  auto& s = self->state;
  s.rest_tick_scheduled = false;
  const auto now_ms = clock_ms(self->clock());
  if (now_ms >= limits::resting_batch_kept_ms)
    while (const auto batch = s.resting.take(now_ms - limits::resting_batch_kept_ms))
      let_go(self, *batch, false);
  schedule_rest_tick(self, now_ms);
}

in_doubt unwritable() {
  return {"the journal cannot be written"};
}

// What to do when the batch of a request is not in memory.
enum class if_absent : std::uint8_t {
  read,             // from the journal, if it is there
  read_else_create, // an earlier request may have created it
  create,           // it is not in the journal
};

void make_batch(coordinator_pointer self, const domain::batch_id& batch) {
  persistence::batch_summary made;
  made.id = batch;
  made.created_us = self->state.parts.seams.now_us();
  supervise(self, made, nullptr, false);
}

// Finds the supervisor, from the journal if need be, and hands the request on.
template<class Answer, class Request>
void forward(coordinator_pointer self, const Request& request, if_absent how,
             caf::typed_response_promise<Answer> promise) {
  auto& s = self->state;
  if (s.journal_broken || s.ending) {
    promise.deliver(Answer{unwritable()});
    return;
  }
  const auto again = [=](bool) { forward(self, request, how, promise); };
  if (const auto busy = s.leaving.find(request.batch); busy != s.leaving.end()) {
    busy->second.emplace_back(again);
    return;
  }
  if (!s.supervisors.contains(request.batch) && how != if_absent::create) {
    replay(self, request.batch, [=](bool found) mutable {
      const auto& st = self->state;
      if (found)
        again(true);
      else if (st.journal_broken || st.ending || st.unreadable.contains(request.batch))
        promise.deliver(Answer{unwritable()});
      else if (how == if_absent::read_else_create)
        forward(self, request, if_absent::create, promise);
      else
        promise.deliver(Answer{not_found{}});
    });
    return;
  }
  if (!s.supervisors.contains(request.batch)) make_batch(self, request.batch);
  self->request(s.supervisors.at(request.batch), ask_timeout, request)
      .then([promise](const Answer& answer) mutable { promise.deliver(answer); },
            [promise](const caf::error&) mutable { promise.deliver(Answer{unwritable()}); });
}

// Requests wait until the journal is replayed.
template<class Answer, class Request>
caf::result<Answer> on_request(coordinator_pointer self, const Request& request, if_absent how) {
  auto& s = self->state;
  auto promise = self->make_response_promise<Answer>();
  if (s.loading && !s.journal_broken)
    s.waiting.emplace_back([=] { forward(self, request, how, promise); });
  else
    forward(self, request, how, promise);
  return promise;
}

} // namespace

coordinator_actor::behavior_type coordinator(coordinator_pointer self, coordinator_parts parts,
                                             std::function<void(const std::string&)> announce,
                                             std::function<void()> give_up) {
  self->state.parts = std::move(parts);
  self->state.announce = std::move(announce);
  self->state.give_up = std::move(give_up);
  const auto& made = self->state.parts;
  self->monitor(made.journal);
  self->monitor(made.hub);
  self->monitor(made.dispatcher);
  self->monitor(made.pool);
  self->monitor(made.placer);
  if (made.remover) self->monitor(made.remover);
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down.source); });
  self->set_exit_handler([self](const caf::exit_msg& message) { on_exit(self, message); });
  load(self);
  return {
      [self](const batch_request& request) {
        const bool creates = std::holds_alternative<domain::create_batch>(request.command);
        return on_request<command_outcome>(self, request,
                                           !creates         ? if_absent::read
                                           : request.new_id ? if_absent::create
                                                            : if_absent::read_else_create);
      },
      [self](const add_files_request& request) {
        return on_request<files_outcome>(self, request, if_absent::read);
      },
      [self](const batch_idle& message) { on_idle(self, message); },
      [self](rest_tick) { on_rest_tick(self); },
      [self](const describe_batch& message) -> caf::result<batch_view> {
        auto& s = self->state;
        const auto supervisor = s.supervisors.find(message.batch);
        if (supervisor == s.supervisors.end()) return batch_view{};
        auto promise = self->make_response_promise<batch_view>();
        self->request(supervisor->second, ask_timeout, message)
            .then([promise](const batch_view& view) mutable { promise.deliver(view); },
                  [promise](const caf::error&) mutable { promise.deliver(batch_view{}); });
        return promise;
      },
      [self](shut_down) -> caf::result<shut_down_done> {
        auto& s = self->state;
        s.ending = true;
        s.end_promise = self->make_response_promise<shut_down_done>();
        auto promise = *s.end_promise;
        give_everything_back(self);
        return promise;
      },
      [self](const journal_failed& message) {
        auto& s = self->state;
        if (s.journal_broken || s.ending) return;
        s.journal_broken = true;
        s.journal_failures += 1;
        if (s.parts.numbers) s.parts.numbers->batches_loaded = false;
        // What they hold in memory may be ahead of the disk: replay alone decides.
        for (const auto& [id, supervisor] : std::exchange(s.supervisors, {}))
          self->send_exit(supervisor, caf::exit_reason::kill);
        s.ended.clear();
        s.resting.clear();
        fail_to_open(self, message.error.detail);
      },
      [self](reopen_tick) {
        auto& s = self->state;
        if (s.ending) return;
        self->request(s.parts.journal, caf::infinite, open_journal{})
            .then(
                [self](const journal_opened& opened) {
                  if (opened.error.empty())
                    load(self);
                  else
                    fail_to_open(self, opened.error);
                },
                [self](const caf::error&) { fail_to_open(self, "the journal does not answer"); });
      },
  };
}

} // namespace darkroom::actors
