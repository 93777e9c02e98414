// Binary multiples of a byte, for limits and settings.
#pragma once

#include <cstdint>

namespace darkroom::limits {

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t GiB = 1024 * MiB;

} // namespace darkroom::limits
