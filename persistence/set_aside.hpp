// Quarantine for stray and damaged files: one folder per day beside the blob store,
// `set-aside/2026-11-28/`, which is removed after the retention period.
#pragma once

#include "persistence/files.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace darkroom::persistence {

// Beside the blob store of a server's data.
std::string set_aside_folder(const std::string& blobs);

// Moves a file into today's folder, under this or a similar name that is free, and syncs both
// places. Returns where it is now. `now_us`: microseconds since the Unix epoch.
file_result<std::string> set_aside(const std::string& file, const std::string& blobs,
                                   const std::string& name, std::int64_t now_us);

// Removes the folders of days that ended at least so many days ago. Returns how many.
std::size_t empty_set_aside(const std::string& blobs, std::uint64_t days, std::int64_t now_us);
// Removes the oldest of them, whatever its age; false when there is none.
bool remove_oldest_set_aside(const std::string& blobs);

} // namespace darkroom::persistence
