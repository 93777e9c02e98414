// What every slot does at the moment, for displays: written by the slots, read when somebody looks.
#pragma once

#include "domain/conversion_stage.hpp"
#include "domain/ids.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace darkroom::actors {

struct slot_activity {
  std::string path; // of the file; empty: idle
  domain::batch_id batch;
  domain::file_index file = 0;
  std::string node; // that converts it
  domain::conversion_progress progress;
  std::chrono::steady_clock::time_point since;
};

class slot_board {
public:
  explicit slot_board(std::size_t slots) : slots_(slots) {}

  void busy(std::size_t slot, slot_activity with) {
    with.since = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    slots_[slot] = std::move(with);
  }
  void at(std::size_t slot, domain::conversion_progress progress) {
    const std::lock_guard lock(mutex_);
    slots_[slot].progress = progress;
  }
  void idle(std::size_t slot) {
    const std::lock_guard lock(mutex_);
    slots_[slot].path.clear();
  }
  // Rows for slots that are elsewhere; those that were given back are used again.
  std::vector<std::size_t> take(std::size_t rows) {
    const std::lock_guard lock(mutex_);
    std::vector<std::size_t> taken;
    taken.reserve(rows);
    while (taken.size() < rows) {
      if (free_.empty()) {
        free_.push_back(slots_.size());
        slots_.emplace_back();
      }
      taken.push_back(free_.back());
      free_.pop_back();
    }
    return taken;
  }
  void give_back(const std::vector<std::size_t>& rows) {
    const std::lock_guard lock(mutex_);
    free_.insert(free_.end(), rows.begin(), rows.end());
  }
  std::vector<slot_activity> read() const {
    const std::lock_guard lock(mutex_);
    return slots_;
  }

private:
  mutable std::mutex mutex_;
  std::vector<slot_activity> slots_;
  std::vector<std::size_t> free_; // that were taken once
};

} // namespace darkroom::actors
