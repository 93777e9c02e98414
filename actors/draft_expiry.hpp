// Ends drafts that nobody started: each drop on the page makes one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace darkroom::actors {

class orchestra;

// Deletes the drafts in which nothing has happened for so many hours; returns how many. Blocks; may
// be called from any thread.
std::size_t delete_expired_drafts(orchestra& actors, std::uint64_t hours, std::int64_t now_us);

} // namespace darkroom::actors
