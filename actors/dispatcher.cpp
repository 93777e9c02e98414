#include "actors/dispatcher.hpp"

#include "config/limits.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace darkroom::actors {

namespace {

using self_pointer = dispatcher_actor::stateful_pointer<dispatcher_state>;

std::uint64_t now_ms(self_pointer self) {
  const auto now = self->clock().now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

// Below the floor of free disk, nothing new is begun.
void look_for_room(dispatcher_state& s, std::uint64_t now) {
  if (!s.has_room || s.queue.waiting() == 0) return;
  if (s.looked_for_room_at_ms && now < *s.looked_for_room_at_ms + limits::disk_look_ms) return;
  s.looked_for_room_at_ms = now;
  if (!s.has_room()) s.queue.hold_until(now + limits::disk_full_wait_ms);
}

void grant_all(self_pointer self) {
  auto& s = self->state;
  const auto now = now_ms(self);
  look_for_room(s, now);
  for (const auto& granted : s.queue.grant_all(now)) {
    const auto waiting = s.waiting.find(granted.file);
    if (waiting == s.waiting.end()) {
      s.queue.end(granted.lease);
      continue;
    }
    const auto& node = s.nodes[granted.node];
    self->send(waiting->second,
               lease_granted{granted.lease, node.name, node.pool, s.queue.memory_max_bytes()});
    s.waiting.erase(waiting);
  }
  if (s.numbers) {
    s.numbers->leases_waiting = s.queue.waiting();
    s.numbers->leases_granted = s.queue.leased();
    s.numbers->memory_granted_bytes = s.queue.memory_granted_bytes();
  }
  const auto wake = s.queue.wake_ms();
  if (wake && s.woken_at_ms != wake) {
    s.woken_at_ms = wake;
    self->delayed_send(self, std::chrono::milliseconds(*wake > now ? *wake - now : 0),
                       lease_tick{});
  }
}

} // namespace

dispatcher_actor::behavior_type dispatcher(self_pointer self, std::shared_ptr<vitals> numbers,
                                           std::function<bool()> has_room) {
  self->state.numbers = std::move(numbers);
  self->state.has_room = std::move(has_room);
  return {
      [self](const request_lease& message) {
        auto& s = self->state;
        const auto asker = caf::actor_cast<converter_actor>(self->current_sender());
        const file_key file{message.batch, message.index};
        if (!s.queue.request({file, message.user, message.priority, message.memory_bytes,
                              message.cost, message.suspect, message.alone})) {
          self->send(asker, lease_impossible{s.queue.memory_max_bytes()});
          return;
        }
        s.waiting[file] = asker;
        grant_all(self);
      },
      [self](const withdraw_request& message) {
        auto& s = self->state;
        const file_key file{message.batch, message.index};
        if (!s.queue.withdraw(file)) return; // granted: the lease is on its way
        const auto waiting = s.waiting.extract(file);
        if (!waiting.empty()) self->send(waiting.mapped(), request_withdrawn{});
      },
      [self](const lease_ended& message) {
        self->state.queue.end(message.lease);
        grant_all(self);
      },
      [self](const hold_leases& message) {
        self->state.queue.hold_until(now_ms(self) + message.ms);
        grant_all(self);
      },
      [self](describe_queue) {
        return queue_view{self->state.queue.positions(limits::queue_positions_files_max)};
      },
      [self](const register_node& message) {
        self->state.queue.add_node(message.slots, message.memory_bytes);
        if (self->state.numbers) {
          self->state.numbers->slots += message.slots;
          self->state.numbers->memory_bytes += message.memory_bytes;
        }
        self->state.nodes.push_back({message.name, message.pool});
        grant_all(self);
      },
      [self](lease_tick) {
        self->state.woken_at_ms.reset();
        grant_all(self);
      },
  };
}

} // namespace darkroom::actors
