#include "actors/codec_pool.hpp"

#include "actors/limits.hpp"
#include "actors/slot.hpp"
#include "actors/spawn_blocking.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>

namespace darkroom::actors {

namespace {

using codec_pool_pointer = codec_pool_actor::stateful_pointer<codec_pool_state>;

constexpr std::chrono::milliseconds thread_again{limits::slot_thread_again_ms};

// False when the system has no thread for it now.
bool ensure_thread(codec_pool_pointer self, codec_pool_state::slot_handle& handle, std::string role,
                   std::size_t number) {
  auto& s = self->state;
  if (!handle.actor)
    handle.actor =
        try_spawn_blocking<caf::linked>(*self, s.options.detached, std::move(role), slot, number,
                                        handle.runner, codec_pool_actor{self}, s.board);
  return handle.actor != nullptr;
}

bool ensure_slot_thread(codec_pool_pointer self, std::size_t number) {
  return ensure_thread(self, self->state.slots[number], "slot " + std::to_string(number), number);
}

bool ensure_prober_thread(codec_pool_pointer self) {
  return ensure_thread(self, self->state.prober, "prober", self->state.options.slots);
}

// Urgent requests get an error. Those of converters wait for a thread: a failure would be recorded
// as that of their file.
void probe_later(codec_pool_pointer self) {
  auto& s = self->state;
  while (s.probes.urgent())
    self->send(s.probes.next()->asker,
               file_probed{codecs::fail(domain::failure_reason::internal,
                                        "no thread was free to read the header")});
  if (s.probes.empty()) return;
  s.probing = true;
  self->delayed_send(self, thread_again, probe_done{});
}

void probe_next(codec_pool_pointer self) {
  auto& s = self->state;
  if (s.probing || s.probes.empty()) return;
  if (!ensure_prober_thread(self)) return probe_later(self);
  s.probing = true;
  self->send(s.prober.actor, *s.probes.next());
}

using slot_handles = std::vector<codec_pool_state::slot_handle>;

// An idle slot whose host has served this owner, else one that has served none yet; one without a
// thread comes last.
slot_handles::iterator best_slot(slot_handles& slots, const std::string& owner) {
  const auto merit = [&](const codec_pool_state::slot_handle& slot) {
    if (slot.lease != 0) return 0;
    if (!slot.actor) return 1;
    if (slot.owner == owner) return 4;
    return slot.owner.empty() ? 3 : 2;
  };
  const auto best = std::ranges::max_element(slots, {}, merit);
  return best != slots.end() && best->lease == 0 ? best : slots.end();
}

bool some_slot_works(const slot_handles& slots) {
  return std::ranges::any_of(slots,
                             [](const auto& slot) { return slot.lease != 0 && !slot.waiting; });
}

void run_in_slot(codec_pool_pointer self, codec_pool_state::slot_handle& slot,
                 run_conversion&& what) {
  slot.lease = what.job.lease;
  slot.owner = what.job.owner;
  self->send(slot.actor, std::move(what));
}

// In a slot that has just become idle.
void run_waiting(codec_pool_pointer self, codec_pool_state::slot_handle& idle) {
  auto& slots = self->state.slots;
  const auto from =
      std::ranges::find_if(slots, [](const auto& slot) { return slot.waiting.has_value(); });
  if (from == slots.end()) return;
  auto what = std::move(*from->waiting);
  from->waiting.reset();
  from->lease = 0;
  run_in_slot(self, idle, std::move(what));
}

// The file did not begin.
void return_file(codec_pool_pointer self, domain::lease_id lease, const converter_actor& asker) {
  auto& s = self->state;
  self->send(asker,
             conversion_ended{
                 lease, std::make_shared<conversion_outcome>(conversion_interrupted{
                            domain::interruption::not_begun, "no thread was free for a slot"})});
  self->send(s.dispatcher, lease_ended{lease, {}, false});
}

} // namespace

codec_pool_actor::behavior_type codec_pool(codec_pool_pointer self, pool_options options,
                                           slot_runner_factory make_runner,
                                           dispatcher_actor dispatcher,
                                           std::shared_ptr<slot_board> board) {
  auto& s = self->state;
  s.options = options;
  s.dispatcher = std::move(dispatcher);
  s.board = std::move(board);
  for (std::size_t i = 0; i < options.slots; ++i) {
    s.slots.push_back({{}, make_runner()});
    ensure_slot_thread(self, i); // if not, when it is needed
  }
  s.prober.runner = make_runner();
  ensure_prober_thread(self);
  // What a host is doing ends at once, so that its slot's thread can.
  self->set_exit_handler([self](const caf::exit_msg& message) {
    for (auto& handle : self->state.slots)
      if (handle.lease != 0) handle.runner->interrupt(handle.lease);
    self->quit(message.reason);
  });
  return {
      [self](const probe_files& message) {
        const auto asker = caf::actor_cast<header_asker_actor>(self->current_sender());
        for (const auto& file : message.files)
          self->state.probes.add(message.owner, message.urgent,
                                 run_probe{{message.owner, file}, asker});
        probe_next(self);
      },
      [self](const convert_file& message) {
        auto& slots = self->state.slots;
        const auto asker = caf::actor_cast<converter_actor>(self->current_sender());
        const auto idle = best_slot(slots, message.job.owner);
        if (idle == slots.end()) { // more leases than slots: a fault of ours
          self->send(
              asker,
              conversion_ended{message.job.lease,
                               std::make_shared<conversion_outcome>(conversion_failed{
                                   {domain::failure_reason::internal, "a lease without a slot"}})});
          self->send(self->state.dispatcher, lease_ended{message.job.lease, {}, false});
          return;
        }
        if (ensure_slot_thread(self, static_cast<std::size_t>(idle - slots.begin())))
          return run_in_slot(self, *idle, {message.job, asker});
        if (some_slot_works(slots)) {
          idle->lease = message.job.lease;
          idle->waiting = run_conversion{message.job, asker};
          return;
        }
        // None of this machine works: its files wait where others can run them.
        self->send(self->state.dispatcher,
                   pause_node{codec_pool_actor{self}, limits::slot_thread_again_ms});
        return_file(self, message.job.lease, asker);
      },
      [self](const interrupt_conversion& message) {
        auto& st = self->state;
        const auto busy =
            std::ranges::find(st.slots, message.lease, &codec_pool_state::slot_handle::lease);
        if (busy == st.slots.end()) { // it never ran
          self->send(st.dispatcher, lease_ended{message.lease, {}, false});
        } else if (busy->waiting) {
          const auto asker = busy->waiting->asker;
          busy->waiting.reset();
          busy->lease = 0;
          return_file(self, message.lease, asker);
        } else {
          busy->runner->interrupt(busy->lease); // the slot reports, and then the lease ends
        }
      },
      [self](probe_done) {
        self->state.probing = false;
        probe_next(self);
      },
      [self](const slot_idle& message) {
        auto& st = self->state;
        st.slots[message.slot].lease = 0;
        run_waiting(self, st.slots[message.slot]);
        self->send(st.dispatcher, lease_ended{message.lease, message.cpu_us});
      },
      [](recall_lease) {}, // what a slot here has, it has begun
  };
}

} // namespace darkroom::actors
