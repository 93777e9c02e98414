// The time of an actor's clock in milliseconds, from a start that is the same for all actors.
#pragma once

#include <caf/actor_clock.hpp>

#include <chrono>
#include <cstdint>

namespace darkroom::actors {

inline std::uint64_t clock_ms(const caf::actor_clock& clock) {
  const auto now = clock.now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

} // namespace darkroom::actors
