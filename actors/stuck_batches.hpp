// Batches whose requests have fitted no machine for a while. Pure; time is milliseconds that the
// caller tells.
#pragma once

#include "actors/limits.hpp"
#include "domain/ids.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace darkroom::actors {

class stuck_batches {
public:
  // Whether each is stuck that has become so, or is no longer. `fit_nowhere`: batches of which that
  // is true of every waiting request; `waits`: whether a batch has one.
  std::vector<std::pair<domain::batch_id, bool>>
  look(const std::vector<domain::batch_id>& fit_nowhere,
       const std::function<bool(const domain::batch_id&)>& waits, std::uint64_t now_ms) {
    std::vector<std::pair<domain::batch_id, bool>> changes;
    if (!looks_at(fit_nowhere, now_ms)) return changes;
    looked_at_ms_ = now_ms;
    const std::set<domain::batch_id> now(fit_nowhere.begin(), fit_nowhere.end());
    std::erase_if(since_ms_, [&](const auto& e) { return !now.contains(e.first); });
    for (const auto& batch : now) {
      const auto since = since_ms_.try_emplace(batch, now_ms).first->second;
      if (now_ms >= since + limits::stuck_after_ms && stuck_.insert(batch).second)
        changes.emplace_back(batch, true);
    }
    // One without a waiting request has shown nothing yet.
    std::erase_if(stuck_, [&](const domain::batch_id& batch) {
      const bool over = !now.contains(batch) && waits(batch);
      if (over) changes.emplace_back(batch, false);
      return over;
    });
    return changes;
  }
  // One of its files has found a machine, or it is over. True if it was stuck.
  bool forget(const domain::batch_id& batch) {
    since_ms_.erase(batch);
    return stuck_.erase(batch) != 0;
  }
  // When to look again.
  std::optional<std::uint64_t> wake_ms() const {
    if (since_ms_.empty() && stuck_.empty()) return std::nullopt;
    return looked_at_ms_ + limits::stuck_look_ms;
  }

private:
  bool looks_at(const std::vector<domain::batch_id>& fit_nowhere, std::uint64_t now_ms) const {
    if (const auto next = wake_ms()) return now_ms >= *next;
    return !fit_nowhere.empty();
  }

  std::map<domain::batch_id, std::uint64_t> since_ms_;
  std::set<domain::batch_id> stuck_;
  std::uint64_t looked_at_ms_ = 0;
};

} // namespace darkroom::actors
