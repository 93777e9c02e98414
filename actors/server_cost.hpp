// What the server itself takes of the processors for one file, beside the file's host: messages,
// the journal, outputs. It is measured for all files together, since a thread serves many of them
// at once.
#pragma once

#include "actors/limits.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace darkroom::actors {

// An average over the files that ended lately.
class server_cost {
public:
  void file_ended() { ended_ += 1; }

  // What the threads that work for files have used since the last call, in microseconds. Without a
  // file that has ended meanwhile it was for something else.
  void used(std::uint64_t us) {
    const auto files = std::exchange(ended_, 0);
    if (files == 0) return;
    // Names of a million new files are planned by the same threads.
    us = std::min(us, files * limits::server_file_most_us);
    files_ += static_cast<double>(files);
    us_ += static_cast<double>(us);
    if (files_ <= limits::server_cost_files) return;
    us_ *= limits::server_cost_files / files_;
    files_ = limits::server_cost_files;
  }

  std::uint64_t per_file_us() const { return static_cast<std::uint64_t>(us_ / files_); }

private:
  double files_ = limits::server_cost_first_files;
  double us_ = limits::server_cost_first_files * limits::server_file_us;
  std::uint64_t ended_ = 0;
};

} // namespace darkroom::actors
