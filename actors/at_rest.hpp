// Whether a batch has nothing to do until somebody asks something of it. Then it need not be in
// memory: its summary in the journal tells all that is shown of it, and the next request reads it
// again.
#pragma once

#include "domain/batch_state.hpp"

namespace darkroom::actors {

inline bool at_rest(domain::batch_phase phase, const domain::status_counts& counts) {
  const auto count = [&](domain::file_status s) { return counts[static_cast<std::size_t>(s)]; };
  using enum domain::file_status;
  if (count(running) + count(retry_wait) != 0) return false;
  const bool may_run = domain::is_terminal(phase) || phase == domain::batch_phase::running;
  if (may_run && count(queued) != 0) return false;
  // Files that were cancelled, and not retried with the others, look like queued ones in the
  // journal as long as the batch has not ended: only its state tells them apart.
  return domain::is_terminal(phase) || count(cancelled) == 0;
}

} // namespace darkroom::actors
