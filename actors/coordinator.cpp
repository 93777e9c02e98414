#include "actors/coordinator.hpp"

#include "config/limits.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace darkroom::actors {

namespace {

using self_pointer = coordinator_actor::stateful_pointer<coordinator_state>;

constexpr auto ask_timeout = std::chrono::milliseconds(limits::drain_ms + limits::actor_stop_ms);

supervisor_peers peers_of(const coordinator_parts& parts) {
  return {parts.journal, {parts.dispatcher, parts.pool, parts.placer}};
}

batch_supervisor_actor supervise(self_pointer self, const domain::batch_id& id,
                                 std::shared_ptr<persistence::positioned_state> replayed,
                                 bool by_crash, std::int64_t created_us) {
  auto& s = self->state;
  auto made = self->spawn<caf::monitored>(batch_supervisor, id, std::move(replayed), by_crash,
                                          created_us, peers_of(s.parts), s.parts.seams);
  s.supervisors[id] = made;
  return made;
}

void fail_to_open(self_pointer self, const std::string& why) {
  auto& s = self->state;
  s.announce("the journal cannot be used, trying again: " + why);
  self->delayed_send(self, std::chrono::milliseconds(limits::journal_reopen_ms), reopen_tick{});
}

void load(self_pointer self) {
  auto& s = self->state;
  self->request(s.parts.journal, caf::infinite, load_batches{})
      .then(
          [self](const batches_loaded& loaded) {
            if (!loaded.error.empty()) return fail_to_open(self, loaded.error);
            auto& st = self->state;
            if (st.journal_broken) st.announce("the journal is open again");
            st.journal_broken = false;
            for (std::size_t i = 0; i < loaded.batches.size(); ++i)
              if (!st.supervisors.contains(loaded.batches[i].first))
                supervise(self, loaded.batches[i].first, loaded.batches[i].second, st.first_load,
                          loaded.summaries[i].created_us);
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
         who == parts.placer.address();
}

// A supervisor that dies of itself begins again from what is on disk, but not for ever.
void on_down(self_pointer self, const caf::actor_addr& who) {
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
  if (s.ending || s.journal_broken) return;
  const bool again = ++s.restarts[id] <= limits::supervisor_restarts_max;
  s.announce("a fault in Darkroom itself ended the work on batch " + domain::to_string(id) +
             (again ? "; it begins again" : "; it stays stopped until the next start"));
  if (again) load(self);
}

// Ends with its children: nobody else would.
void on_exit(self_pointer self, const caf::exit_msg& message) {
  for (const auto& [id, supervisor] : std::exchange(self->state.supervisors, {}))
    self->send_exit(supervisor, message.reason);
  self->quit(message.reason);
}

// Edge inwards: pool, dispatcher and placer have nothing left to do; the journal goes last.
void end_parts(self_pointer self) {
  auto& s = self->state;
  const auto reason = caf::exit_reason::user_shutdown;
  self->send_exit(s.parts.pool, reason);
  self->send_exit(s.parts.dispatcher, reason);
  self->send_exit(s.parts.placer, reason);
  self->send_exit(s.parts.journal, reason);
  self->send_exit(s.parts.hub, reason);
  if (s.end_promise) s.end_promise->deliver(shut_down_done{});
  self->quit();
}

void give_everything_back(self_pointer self) {
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

command_outcome in_doubt() {
  command_outcome outcome;
  outcome.in_doubt = true;
  outcome.refusal.detail = "the journal cannot be written";
  return outcome;
}

void forward(self_pointer self, const batch_request& request,
             caf::typed_response_promise<command_outcome> promise) {
  auto& s = self->state;
  if (s.journal_broken || s.ending) {
    promise.deliver(in_doubt());
    return;
  }
  auto supervisor = s.supervisors.find(request.batch);
  if (supervisor == s.supervisors.end()) {
    if (!std::holds_alternative<domain::create_batch>(request.command)) {
      command_outcome unknown;
      unknown.refusal.detail = "there is no such batch";
      promise.deliver(unknown);
      return;
    }
    supervise(self, request.batch, nullptr, false, s.parts.seams.now_us());
    supervisor = s.supervisors.find(request.batch);
  }
  self->request(supervisor->second, ask_timeout, request)
      .then([promise](const command_outcome& outcome) mutable { promise.deliver(outcome); },
            [promise](const caf::error&) mutable { promise.deliver(in_doubt()); });
}

caf::result<command_outcome> on_request(self_pointer self, const batch_request& request) {
  auto& s = self->state;
  auto promise = self->make_response_promise<command_outcome>();
  if (s.loading && !s.journal_broken)
    s.waiting.emplace_back([self, request, promise] { forward(self, request, promise); });
  else
    forward(self, request, promise);
  return promise;
}

} // namespace

coordinator_actor::behavior_type coordinator(self_pointer self, coordinator_parts parts,
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
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down.source); });
  self->set_exit_handler([self](const caf::exit_msg& message) { on_exit(self, message); });
  load(self);
  return {
      [self](const batch_request& request) { return on_request(self, request); },
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
        // What they hold in memory may be ahead of the disk: replay alone decides.
        for (const auto& [id, supervisor] : std::exchange(s.supervisors, {}))
          self->send_exit(supervisor, caf::exit_reason::kill);
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
