// Deletes drafts that were never started: each drop on the page creates one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace darkroom::actors {

class orchestra;

// Deletes drafts without a change in the last `hours`; returns their number. Blocks; may be called
// from any thread.
std::size_t delete_expired_drafts(orchestra& actors, std::uint64_t hours, std::int64_t now_us);

} // namespace darkroom::actors
