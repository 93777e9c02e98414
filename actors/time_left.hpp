// How long the rest of a batch takes, and how well that is known.
#pragma once

#include <cstdint>

namespace darkroom::actors {

// In nine of ten cases it is between `low_ms` and `high_ms`.
struct time_left {
  std::uint64_t ms = 0, low_ms = 0, high_ms = 0;
  bool operator==(const time_left&) const = default;
};

} // namespace darkroom::actors
