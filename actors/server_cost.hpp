// What the server itself takes of the processors for one file, beside the file's host: messages,
// the journal, outputs. It is measured for all files together, since a thread serves many of them
// at once. Pure.
#pragma once

#include "actors/limits.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace darkroom::actors {

// An average over files, in which earlier measurements fade.
class server_cost {
public:
  void file_ended() { ended_ += 1; }

  // What the threads that work for files have used since the last call, in microseconds. If no file
  // has ended meanwhile, it was for something else.
  void used(std::uint64_t us) {
    const auto files = std::exchange(ended_, 0);
    if (files == 0) return;
    us = std::min(us, files * limits::server_cost_ratio_max * per_file_us());
    files_ = files_ * limits::server_cost_kept_part + static_cast<double>(files);
    us_ = us_ * limits::server_cost_kept_part + static_cast<double>(us);
  }

  std::uint64_t per_file_us() const {
    return std::clamp(static_cast<std::uint64_t>(us_ / files_), limits::server_file_least_us,
                      limits::server_file_most_us);
  }

private:
  double files_ = limits::server_cost_assumed_files;
  double us_ = limits::server_cost_assumed_files * limits::server_file_us;
  std::uint64_t ended_ = 0;
};

} // namespace darkroom::actors
