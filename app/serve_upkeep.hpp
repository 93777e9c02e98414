// Background tasks of a server: watching the folders of its data, scrubbing blobs, and removing
// what was set aside.
#pragma once

#include "app/background_thread.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace darkroom::actors {
class orchestra;
}
namespace darkroom::config {
struct data_settings;
}
namespace darkroom::persistence {
class blob_store;
class place_watch;
} // namespace darkroom::persistence

namespace darkroom::app {

// Closes the journal when a folder of the data is not the one any more that was opened.
std::unique_ptr<background_thread> watch_places(const persistence::place_watch& places,
                                                actors::orchestra& actors);

// Reads all blobs once in so many days; null when that is 0.
std::unique_ptr<background_thread> scrub_blobs(persistence::blob_store& blobs,
                                               std::uint64_t period_days);

// Empties what was set aside when it is old enough, and earlier when the disk is full.
std::unique_ptr<background_thread> keep_set_aside(const std::string& blobs,
                                                  const config::data_settings& settings);

} // namespace darkroom::app
