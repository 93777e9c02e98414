#include "actors/codec_pool.hpp"

#include "actors/slot.hpp"
#include "actors/spawn_blocking.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>

namespace darkroom::actors {

namespace {

using codec_pool_pointer = codec_pool_actor::stateful_pointer<codec_pool_state>;

void probe_next(codec_pool_pointer self) {
  auto& s = self->state;
  if (s.probing) return;
  auto next = s.probes.next();
  if (!next) return;
  s.probing = true;
  self->send(s.prober, std::move(*next));
}

using slot_handles = std::vector<codec_pool_state::slot_handle>;

// An idle slot whose host has served this owner, else one that has served none yet.
slot_handles::iterator best_slot(slot_handles& slots, const std::string& owner) {
  const auto merit = [&](const codec_pool_state::slot_handle& slot) {
    if (slot.lease != 0) return 0;
    if (slot.owner == owner) return 3;
    return slot.owner.empty() ? 2 : 1;
  };
  const auto best = std::ranges::max_element(slots, {}, merit);
  return best != slots.end() && best->lease == 0 ? best : slots.end();
}

} // namespace

codec_pool_actor::behavior_type codec_pool(codec_pool_pointer self, pool_options options,
                                           slot_runner_factory make_runner,
                                           dispatcher_actor dispatcher,
                                           std::shared_ptr<slot_board> board) {
  auto& s = self->state;
  s.dispatcher = std::move(dispatcher);
  const codec_pool_actor me{self};
  for (std::size_t i = 0; i < options.slots; ++i) {
    std::shared_ptr<slot_runner> runner = make_runner();
    s.slots.push_back(
        {spawn_blocking<caf::linked>(*self, options.detached, "slot " + std::to_string(i), slot, i,
                                     runner, me, board),
         runner, 0});
  }
  s.prober = spawn_blocking<caf::linked>(*self, options.detached, "prober", slot, options.slots,
                                         std::shared_ptr<slot_runner>(make_runner()), me, board);
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
        idle->lease = message.job.lease;
        idle->owner = message.job.owner;
        self->send(idle->actor, run_conversion{message.job, asker});
      },
      [self](const interrupt_conversion& message) {
        auto& st = self->state;
        const auto busy =
            std::ranges::find(st.slots, message.lease, &codec_pool_state::slot_handle::lease);
        if (busy != st.slots.end())
          busy->runner->interrupt(busy->lease); // the slot reports, and then the lease ends
        else
          self->send(st.dispatcher, lease_ended{message.lease, {}, false}); // it never ran
      },
      [self](probe_done) {
        self->state.probing = false;
        probe_next(self);
      },
      [self](const slot_idle& message) {
        auto& st = self->state;
        st.slots[message.slot].lease = 0;
        self->send(st.dispatcher, lease_ended{message.lease, message.cpu_us});
      },
      [](recall_lease) {}, // what a slot here has, it has begun
  };
}

} // namespace darkroom::actors
