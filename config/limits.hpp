// Defaults and bounds of what an operator may set. Units come last in the name.
#pragma once

#include "base/units.hpp"

#include <cstddef>
#include <cstdint>

namespace darkroom::limits {

inline constexpr std::uint64_t input_bytes_max = 64 * MiB;
inline constexpr std::uint64_t image_pixels_max = 50'000'000;
inline constexpr std::uint64_t image_pixels_ceiling = 268'435'456; // what a setting may allow
inline constexpr std::uint64_t memory_budget_default_bytes = 1 * GiB;
inline constexpr std::uint64_t memory_budget_min_bytes = 128 * MiB;
inline constexpr std::uint32_t slots_max = 256;

static_assert(image_pixels_max <= image_pixels_ceiling);

} // namespace darkroom::limits
