#include "actors/event_hub.hpp"

#include "actors/limits.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace darkroom::actors {

namespace {

using event_hub_pointer = event_hub_actor::stateful_pointer<event_hub_state>;
using event_list = std::shared_ptr<const std::vector<persistence::journaled_event>>;

event_list only(const event_list& events, const domain::batch_id& batch) {
  const auto wanted = [&](const auto& e) { return e.batch == batch; };
  if (std::ranges::all_of(*events, wanted)) return events;
  auto some = std::make_shared<std::vector<persistence::journaled_event>>();
  std::ranges::copy_if(*events, std::back_inserter(*some), wanted);
  return some;
}

// False when the subscriber has to go.
bool deliver(event_hub_pointer self, event_hub_state::subscription& to, const event_list& events) {
  const auto own = to.batch ? only(events, *to.batch) : events;
  if (own->empty()) return true;
  if (to.unacknowledged + own->size() > limits::subscriber_outbox_events_max) {
    self->send(to.subscriber, subscription_ended{});
    return false;
  }
  to.unacknowledged += own->size();
  self->send(to.subscriber, events_published{own});
  return true;
}

} // namespace

event_hub_actor::behavior_type event_hub(event_hub_pointer self) {
  self->set_down_handler([self](const caf::down_msg& down) {
    std::erase_if(self->state.subscriptions,
                  [&](const auto& s) { return s.subscriber.address() == down.source; });
  });
  return {
      [self](const publish_events& message) {
        auto& s = self->state;
        if (message.events->empty()) return;
        s.last_seq = message.events->back().seq;
        std::erase_if(s.subscriptions,
                      [&](auto& to) { return !deliver(self, to, message.events); });
      },
      [self](const cut_subscribers& message) {
        auto& s = self->state;
        s.last_seq = message.last;
        for (const auto& to : std::exchange(s.subscriptions, {}))
          self->send(to.subscriber, subscription_ended{});
      },
      [self](const subscribe& message) -> caf::result<subscribed> {
        auto& s = self->state;
        self->monitor(message.subscriber);
        s.subscriptions.push_back({message.subscriber, message.batch, 0});
        return subscribed{s.last_seq};
      },
      [self](const events_acknowledged& message) {
        for (auto& s : self->state.subscriptions)
          if (s.subscriber == message.subscriber)
            s.unacknowledged -= std::min(s.unacknowledged, message.events);
      },
  };
}

} // namespace darkroom::actors
