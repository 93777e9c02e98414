#include "actors/dispatcher.hpp"
#include "actors/clock_ms.hpp"

#include "actors/cluster/limits.hpp"
#include "actors/limits.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace darkroom::actors {

namespace {

using dispatcher_pointer = dispatcher_actor::stateful_pointer<dispatcher_state>;

// Below the floor of free disk, nothing new is begun.
void look_for_room(dispatcher_state& s, std::uint64_t now) {
  if (!s.has_room || s.queue.waiting() == 0) return;
  if (s.looked_for_room_at_ms && now < *s.looked_for_room_at_ms + limits::disk_look_ms) return;
  s.looked_for_room_at_ms = now;
  if (!s.has_room()) s.queue.hold_until(now + limits::disk_full_wait_ms, true);
}

void tell_numbers(dispatcher_pointer self) {
  auto& s = self->state;
  if (s.numbers) {
    s.numbers->leases_waiting = s.queue.waiting();
    s.numbers->leases_granted = s.queue.leased();
    s.numbers->memory_granted_bytes = s.queue.memory_granted_bytes();
  }
  if (!s.board) return;
  for (std::size_t i = 0; i < s.nodes.size(); ++i)
    if (s.nodes[i].pool)
      s.board->leased(s.nodes[i].name, s.queue.leased_on(i), s.queue.memory_granted_on(i));
}

void share_window(dispatcher_pointer self) {
  auto& s = self->state;
  for (const auto& change : s.window.take_changes())
    if (const auto to = s.supervisors.find(change.batch); to != s.supervisors.end())
      self->send(to->second, window_share{change.files, change.take_back});
}

// A batch whose files fit no machine must not keep its user's others from running.
void look_for_stuck(dispatcher_pointer self, std::uint64_t now) {
  auto& s = self->state;
  const auto waits = [&](const domain::batch_id& b) { return s.queue.waits_for(b).has_value(); };
  auto fit_nowhere = s.queue.fit_nowhere();
  // What is looked at, or has just ended, has no part of the window.
  std::erase_if(fit_nowhere, [&](const auto& batch) { return !s.supervisors.contains(batch); });
  for (const auto& [batch, stuck] : s.stuck.look(fit_nowhere, waits, now))
    s.window.set_stuck(batch, stuck);
}

void drop_from_window(dispatcher_state& s, const domain::batch_id& batch) {
  s.window.set({batch, {}, 0, 0});
  s.stuck.forget(batch);
}

void wake_when_due(dispatcher_pointer self, std::uint64_t now) {
  auto& s = self->state;
  auto wake = s.queue.wake_ms();
  if (const auto look = s.stuck.wake_ms()) wake = std::min(wake.value_or(*look), *look);
  if (!wake || s.woken_at_ms == wake) return;
  s.woken_at_ms = wake;
  self->delayed_send(self, std::chrono::milliseconds(*wake > now ? *wake - now : 0),
                     lease_tick{*wake});
}

using asker_claims = std::map<caf::actor_addr, dispatcher_state::claims>;

void forget_if_done(dispatcher_pointer self, asker_claims::iterator asker) {
  if (asker->second.waits_for || !asker->second.leases.empty()) return;
  self->demonitor(asker->first);
  self->state.askers.erase(asker);
}

void note_waiting(dispatcher_pointer self, const converter_actor& who, const file_key& file) {
  if (!who) return;
  const auto [asker, is_new] = self->state.askers.try_emplace(who.address());
  if (is_new) self->monitor(who);
  asker->second.waits_for = file;
}

void note_not_waiting(dispatcher_pointer self, const caf::actor_addr& who, const file_key& file) {
  const auto asker = self->state.askers.find(who);
  if (asker == self->state.askers.end() || asker->second.waits_for != file) return;
  asker->second.waits_for.reset();
  forget_if_done(self, asker);
}

void note_granted(dispatcher_state& s, const caf::actor_addr& who, const grant& granted) {
  const auto asker = s.askers.find(who);
  if (asker == s.askers.end()) return;
  asker->second.waits_for.reset();
  asker->second.leases.push_back(granted.lease);
  s.holders[granted.lease] = {who, granted.node};
}

void note_lease_ended(dispatcher_pointer self, domain::lease_id lease) {
  auto& s = self->state;
  const auto holder = s.holders.extract(lease);
  if (holder.empty()) return;
  const auto asker = s.askers.find(holder.mapped().who);
  if (asker == s.askers.end()) return;
  std::erase(asker->second.leases, lease);
  forget_if_done(self, asker);
}

void note_node_left(dispatcher_pointer self, std::size_t node) {
  std::vector<domain::lease_id> ended;
  for (const auto& [lease, holder] : self->state.holders)
    if (holder.node == node) ended.push_back(lease);
  for (const auto lease : ended)
    note_lease_ended(self, lease);
}

void grant_all(dispatcher_pointer self) {
  auto& s = self->state;
  const auto now = clock_ms(self->clock());
  look_for_room(s, now);
  if (s.attempts) s.queue.note_unsettled(s.attempts->all, s.attempts->alone);
  for (const auto& granted : s.queue.grant_all(now)) {
    const auto waiting = s.waiting.find(granted.file);
    if (waiting == s.waiting.end()) {
      s.queue.give_back(granted.lease);
      continue;
    }
    const auto& node = s.nodes[granted.node];
    self->send(waiting->second,
               lease_granted{granted.lease, node.name, node.pool, s.queue.memory_max_bytes()});
    note_granted(s, waiting->second.address(), granted);
    s.waiting.erase(waiting);
    if (s.stuck.forget(granted.file.batch)) s.window.set_stuck(granted.file.batch, false);
  }
  for (const auto& file : s.queue.take_impossible()) {
    const auto waiting = s.waiting.extract(file);
    if (waiting.empty()) continue;
    self->send(waiting.mapped(), lease_impossible{s.queue.memory_max_bytes()});
    note_not_waiting(self, waiting.mapped().address(), file);
  }
  for (const auto& recall : s.queue.take_recalls())
    self->send(s.nodes[recall.node].pool, recall_lease{recall.lease});
  tell_numbers(self);
  look_for_stuck(self, now);
  share_window(self);
  wake_when_due(self, now);
}

void resize_window(dispatcher_pointer self) {
  auto& s = self->state;
  std::uint32_t slots = 0;
  for (const auto& n : s.nodes)
    if (n.pool) slots += n.capacity.slots;
  s.window.resize(limits::window_files + limits::window_files_per_slot * slots);
  share_window(self);
}

void on_batch_needs(dispatcher_pointer self, const batch_needs& message) {
  auto& s = self->state;
  const auto supervisor = caf::actor_cast<batch_supervisor_actor>(self->current_sender());
  auto& known = s.supervisors[message.need.batch];
  if (known != supervisor) { // it is new, or has begun again: it has to be told its share
    if (known) self->demonitor(known.address());
    self->monitor(supervisor);
    known = supervisor;
    drop_from_window(s, message.need.batch);
  }
  s.window.set(message.need);
  share_window(self);
  if (message.need.files != 0) return;
  s.stuck.forget(message.need.batch);
  self->demonitor(supervisor.address());
  s.supervisors.erase(message.need.batch);
}

void on_supervisor_down(dispatcher_pointer self, const caf::actor_addr& who) {
  auto& s = self->state;
  const auto known =
      std::ranges::find_if(s.supervisors, [&](const auto& e) { return e.second.address() == who; });
  if (known == s.supervisors.end()) return;
  drop_from_window(s, known->first);
  s.supervisors.erase(known);
  share_window(self);
}

// One that ends in order has seen to its lease itself.
void on_asker_down(dispatcher_pointer self, asker_claims::iterator asker, bool in_order) {
  auto& s = self->state;
  const auto claims = std::move(asker->second);
  s.askers.erase(asker);
  for (const auto lease : claims.leases) {
    const auto holder = s.holders.extract(lease);
    if (in_order || holder.empty()) continue;
    if (const auto& pool = s.nodes[holder.mapped().node].pool)
      self->send(pool, interrupt_conversion{lease}); // which ends the lease
  }
  if (!claims.waits_for) return;
  s.queue.withdraw(*claims.waits_for);
  s.waiting.erase(*claims.waits_for);
  grant_all(self); // it may have kept others waiting
}

void on_watched_down(dispatcher_pointer self, const caf::down_msg& down) {
  const auto asker = self->state.askers.find(down.source);
  if (asker != self->state.askers.end())
    on_asker_down(self, asker, !down.reason);
  else
    on_supervisor_down(self, down.source);
}

// Those that may have no file in flight come after the others.
queue_view places(const dispatcher_state& s) {
  queue_view view{s.queue.places(limits::queue_positions_files_max)};
  for (const auto& [batch, before] : s.window.waiting())
    if (!s.queue.waits_for(batch)) // else it is there already
      view.places.push_back(
          {batch, static_cast<std::uint32_t>(std::min<std::uint64_t>(before, UINT32_MAX)),
           wait_reason::turn});
  return view;
}

std::optional<wait_reason> waits_for(const dispatcher_state& s, const domain::batch_id& batch) {
  if (const auto reason = s.queue.waits_for(batch)) return reason;
  if (!s.window.waits(batch)) return std::nullopt;
  // What keeps all others from being begun keeps this one, too.
  const auto others = s.queue.places(1);
  const bool by_turn = others.empty() || others[0].reason == wait_reason::memory;
  return by_turn ? wait_reason::turn : others[0].reason;
}

std::optional<std::size_t> index_of(const dispatcher_state& s, const codec_pool_actor& pool) {
  for (std::size_t i = 0; i < s.nodes.size(); ++i)
    if (s.nodes[i].pool == pool) return i;
  return std::nullopt;
}

void count_node(dispatcher_state& s, const node_capacity& capacity, bool there) {
  if (!s.numbers) return;
  const auto add = [&](std::atomic<std::uint64_t>& to, std::uint64_t n) {
    to += there ? n : 0 - n;
  };
  add(s.numbers->slots, capacity.slots);
  add(s.numbers->memory_bytes, capacity.memory_bytes);
}

} // namespace

dispatcher_actor::behavior_type dispatcher(dispatcher_pointer self, dispatcher_options options) {
  self->state.numbers = std::move(options.numbers);
  self->state.has_room = std::move(options.has_room);
  self->state.board = std::move(options.board);
  self->state.attempts = std::move(options.attempts);
  self->state.queue = lease_queue(options.nodes_join);
  self->set_down_handler([self](const caf::down_msg& down) { on_watched_down(self, down); });
  return {
      [self](const batch_needs& message) { on_batch_needs(self, message); },
      [self](const request_lease& message) {
        auto& s = self->state;
        const auto asker = caf::actor_cast<converter_actor>(self->current_sender());
        const file_key file{message.batch, message.index};
        if (!s.queue.request({file, message.user, message.priority, message.memory_bytes,
                              message.cost, message.suspect, message.alone,
                              message.input_bytes <= limits::small_input_bytes})) {
          self->send(asker, lease_impossible{s.queue.memory_max_bytes()});
          return;
        }
        auto& waiting = s.waiting[file];
        if (waiting && waiting != asker) note_not_waiting(self, waiting.address(), file);
        waiting = asker;
        note_waiting(self, asker, file);
        grant_all(self);
      },
      [self](const withdraw_request& message) {
        auto& s = self->state;
        const file_key file{message.batch, message.index};
        const auto asker = caf::actor_cast<converter_actor>(self->current_sender());
        const auto waiting = s.waiting.find(file);
        if (waiting == s.waiting.end()) return; // granted: the lease is on its way
        self->send(asker, request_withdrawn{});
        if (waiting->second != asker) return; // the request is that of a later converter
        s.queue.withdraw(file);
        s.waiting.erase(waiting);
        note_not_waiting(self, asker.address(), file);
        grant_all(self); // it may have kept others waiting
      },
      [self](const reprioritise_request& message) {
        self->state.queue.reprioritise({message.batch, message.index}, message.priority);
      },
      [self](const lease_ended& message) {
        auto& st = self->state;
        if (message.ran) {
          st.server.file_ended();
          st.queue.end(message.lease, message.cpu_us);
        } else {
          st.queue.give_back(message.lease);
        }
        note_lease_ended(self, message.lease);
        grant_all(self);
      },
      [self](const hold_leases& message) {
        self->state.queue.hold_until(clock_ms(self->clock()) + message.ms, message.no_room);
        grant_all(self);
      },
      [self](describe_queue) { return places(self->state); },
      [self](const describe_waits& message) {
        batch_waits waits;
        for (const auto& batch : message.batches)
          if (const auto reason = waits_for(self->state, batch))
            waits.reasons.emplace(batch, *reason);
        return waits;
      },
      [self](const register_node& message) {
        auto& st = self->state;
        const node_capacity capacity{message.slots, message.memory_bytes, message.ahead,
                                     message.local};
        const auto at = st.queue.add_node(capacity);
        if (st.nodes.size() <= at) st.nodes.resize(at + 1);
        st.nodes[at] = {message.name, message.pool, capacity};
        if (st.steered.contains(message.name)) st.queue.close_node(at, true);
        count_node(st, capacity, true);
        resize_window(self);
        grant_all(self);
      },
      [self](const node_left& message) {
        auto& st = self->state;
        const auto at = index_of(st, message.pool);
        if (!at) return;
        count_node(st, st.nodes[*at].capacity, false);
        st.queue.remove_node(*at);
        note_node_left(self, *at);
        st.nodes[*at] = {};
        resize_window(self);
        grant_all(self);
      },
      [self](const server_used& message) {
        auto& st = self->state;
        st.server.used(message.cpu_us);
        st.queue.set_server_cost(st.server.per_file_us());
      },
      [self](const resize_local_node& message) {
        auto& st = self->state;
        for (std::size_t i = 0; i < st.nodes.size(); ++i) {
          auto& n = st.nodes[i];
          if (!n.pool || !n.capacity.local || n.capacity.memory_bytes == message.memory_bytes)
            continue;
          count_node(st, n.capacity, false);
          n.capacity.memory_bytes = message.memory_bytes;
          count_node(st, n.capacity, true);
          st.queue.resize_node(i, message.memory_bytes);
          if (st.board)
            st.board->change(n.name,
                             [&](node_row& row) { row.memory_bytes = message.memory_bytes; });
        }
        grant_all(self);
      },
      [self](const pause_node& message) {
        auto& st = self->state;
        if (const auto at = index_of(st, message.pool))
          st.queue.close_node_until(*at, clock_ms(self->clock()) + message.ms);
        grant_all(self);
      },
      [self](const steer_node& message) {
        auto& st = self->state;
        const bool closes = message.how != node_steering::uncordon;
        const bool known = !st.board || st.board->steer(message.name, message.how);
        if (!known) return node_steered{false};
        if (closes)
          st.steered[message.name] = message.how;
        else
          st.steered.erase(message.name);
        for (std::size_t i = 0; i < st.nodes.size(); ++i)
          if (st.nodes[i].pool && st.nodes[i].name == message.name) st.queue.close_node(i, closes);
        grant_all(self);
        return node_steered{true};
      },
      [self](const lease_tick& tick) {
        auto& due = self->state.woken_at_ms;
        if (due != tick.due_ms) return; // another one is on its way
        due.reset();
        grant_all(self);
      },
  };
}

} // namespace darkroom::actors
