// EVENT HUB: hands durable events on, in order. A subscriber has an outbox of so many events
// that it empties by acknowledging; when it is full, the subscriber is cut off and resumes by seq.
#pragma once

#include "actors/interfaces.hpp"

namespace darkroom::actors {

struct event_hub_state {
  static inline const char* name = "event_hub";
  event_hub_state() = default; // no aggregate: CAF would initialise the first member with the actor

  struct subscription {
    subscriber_actor subscriber;
    std::optional<domain::batch_id> batch;
    std::size_t unacknowledged = 0; // events
  };
  std::vector<subscription> subscriptions;
  domain::seq last_seq = 0;
};

event_hub_actor::behavior_type event_hub(event_hub_actor::stateful_pointer<event_hub_state> self);

} // namespace darkroom::actors
