// How large the pieces of a transfer are: as large as the link takes quickly, so that neither
// round trips nor what waits behind a piece matter. Pure.
#pragma once

#include "actors/cluster/limits.hpp"

#include <algorithm>
#include <cstdint>

namespace darkroom::actors {

class piece_pacer {
public:
  std::uint32_t bytes() const { return bytes_; }
  // A piece was asked for and came so many milliseconds later.
  void took(std::uint64_t ms) {
    if (ms < limits::piece_fast_ms) bytes_ = std::min(bytes_ * 2, limits::piece_bytes_most);
    if (ms > limits::piece_slow_ms) bytes_ = std::max(bytes_ / 2, limits::piece_bytes_least);
  }

private:
  std::uint32_t bytes_ = limits::piece_bytes_first;
};

} // namespace darkroom::actors
