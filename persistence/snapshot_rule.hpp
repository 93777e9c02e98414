// When a batch gets a snapshot, so that a replay takes a bounded time. Pure.
#pragma once

#include "persistence/limits.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace darkroom::persistence {

// `tail_cost`: of the events after the last snapshot (`domain::replay_cost`).
inline bool snapshot_due(std::uint64_t tail_cost, std::size_t files_of_batch) {
  return tail_cost >= std::max<std::uint64_t>(limits::snapshot_tail_files, files_of_batch / 4);
}

} // namespace darkroom::persistence
