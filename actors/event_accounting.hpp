// What follows from a batch's events beside its state: times, speed, forecast, learnt costs, the
// work of its owner's day, and the metrics.
#pragma once

#include "domain/events.hpp"

#include <cstdint>

namespace darkroom::actors {

struct batch_supervisor_state;

// Of an event that was applied to the working state. `now_us`: microseconds since the Unix epoch.
void note_event(batch_supervisor_state& s, const domain::event& e, std::int64_t now_us);

} // namespace darkroom::actors
