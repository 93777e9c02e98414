// Probes of a server's health: whether the folders of its data are there, blobs can be written and
// read, and codec hosts work.
#pragma once

#include "app/background_thread.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace darkroom::codecs::host {
class zygote;
}
namespace darkroom::actors {
class orchestra;
}
namespace darkroom::http {
class health_board;
}
namespace darkroom::persistence {
class place_watch;
}

namespace darkroom::app {

// Writes a file in the directory, syncs it and reads it back. The sentence says what is wrong;
// empty: nothing.
std::string probe_directory(const std::string& directory);

// Whether files may have failed since then because stored files could not be reached.
bool store_failed_since(const http::health_board& board,
                        std::chrono::steady_clock::time_point since);

// Closes the journal when a folder of the data is not the one any more that was opened.
std::unique_ptr<background_thread>
watch_places(std::shared_ptr<const persistence::place_watch> places, actors::orchestra& actors,
             std::shared_ptr<http::health_board> board);

// Each reports to the board, the first time before it returns.
std::unique_ptr<background_thread> probe_blobs(const std::string& blobs,
                                               std::shared_ptr<http::health_board> board);
std::unique_ptr<background_thread> probe_hosts(codecs::host::zygote& hosts,
                                               std::shared_ptr<http::health_board> board);

} // namespace darkroom::app
