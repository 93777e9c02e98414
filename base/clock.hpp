// The wall clock. Actors and pure code take a clock as a parameter instead; this is what is passed.
#pragma once

#include <cstdint>

namespace darkroom::base {

// Microseconds since the Unix epoch.
std::int64_t unix_now_us();

} // namespace darkroom::base
