// Background tasks of a server: measuring what it takes of the machine, scrubbing blobs, deleting
// drafts that were never started, and removing what was set aside.
#pragma once

#include "app/background_thread.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace darkroom::actors {
class orchestra;
}
namespace darkroom::config {
struct data_settings;
}
namespace darkroom::persistence {
class blob_store;
}

namespace darkroom::app {

// From now on this process gives large blocks of memory back when they are freed. Codec hosts,
// which use blocks of the same sizes again and again, keep malloc's own rule.
void return_large_blocks();

// Whether a thread of this role (`base::name_thread`) works for many files at once, and not for
// clients or for the server's upkeep. Slots measure themselves what they do for each file.
bool works_for_files(std::string_view role);

// Tells the actors what this process takes of the memory budget, and of the processors for files.
std::unique_ptr<background_thread> measure_server(actors::orchestra& actors);

// Reads all blobs once in so many days; null when that is 0.
std::unique_ptr<background_thread> scrub_blobs(persistence::blob_store& blobs,
                                               std::uint64_t period_days);

// Deletes drafts without a change in the last `hours`; null when that is 0.
std::unique_ptr<background_thread> expire_drafts(actors::orchestra& actors, std::uint64_t hours);

// Empties what was set aside when it is old enough, and earlier when the disk is full.
std::unique_ptr<background_thread> keep_set_aside(const std::string& blobs,
                                                  const config::data_settings& settings);

} // namespace darkroom::app
