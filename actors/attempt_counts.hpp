// Attempts whose end is not durable yet. If the process dies, each of them is charged with it: so a
// file that may be the cause must not begin while there are others, nor others while there is one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace darkroom::actors {

struct attempt_counts {
  std::atomic<std::uint32_t> all = 0, alone = 0;
};

// Counts an attempt until the last copy is gone. `counts` may be null.
inline std::shared_ptr<const void> count_attempt(std::shared_ptr<attempt_counts> counts,
                                                 bool alone) {
  if (!counts) return nullptr;
  counts->all += 1;
  counts->alone += alone ? 1 : 0;
  auto* const raw = counts.get();
  return {raw, [counts = std::move(counts), alone](const void*) {
            counts->all -= 1;
            counts->alone -= alone ? 1 : 0;
          }};
}

} // namespace darkroom::actors
