// Batches in memory that have not ended and have nothing to do, by how long that is so. Pure.
#pragma once

#include "domain/ids.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>

namespace darkroom::actors {

class resting_batches {
public:
  // It rests from now on, also if it did before.
  void add(const domain::batch_id& batch, std::uint64_t now_ms) {
    remove(batch);
    since_[batch] = now_ms;
    by_time_.emplace(now_ms, batch);
  }
  void remove(const domain::batch_id& batch) {
    const auto at = since_.find(batch);
    if (at == since_.end()) return;
    by_time_.erase({at->second, batch});
    since_.erase(at);
  }
  void clear() {
    since_.clear();
    by_time_.clear();
  }
  // Takes out the one that has rested longest, if that is since `before_ms` or longer.
  std::optional<domain::batch_id> take(std::uint64_t before_ms) {
    if (by_time_.empty() || by_time_.begin()->first > before_ms) return std::nullopt;
    const auto batch = by_time_.begin()->second;
    remove(batch);
    return batch;
  }
  // Since when the first has rested; nothing when there is none.
  std::optional<std::uint64_t> oldest_ms() const {
    if (by_time_.empty()) return std::nullopt;
    return by_time_.begin()->first;
  }

private:
  std::map<domain::batch_id, std::uint64_t> since_;
  std::set<std::pair<std::uint64_t, domain::batch_id>> by_time_;
};

} // namespace darkroom::actors
