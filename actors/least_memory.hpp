// The least memory that the waiting requests of each batch need, so that those are found of which
// no request fits. Pure.
#pragma once

#include "domain/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace darkroom::actors {

class least_memory {
public:
  void add(const domain::batch_id& batch, std::uint64_t bytes) {
    change(batch, [&](auto& requests) { requests[bytes] += 1; });
  }
  // Of a request that was added.
  void remove(const domain::batch_id& batch, std::uint64_t bytes) {
    change(batch, [&](auto& requests) {
      if (const auto at = requests.find(bytes); --at->second == 0) requests.erase(at);
    });
  }
  // Batches of which every request needs more.
  std::vector<domain::batch_id> all_above(std::uint64_t bytes) const {
    std::vector<domain::batch_id> found;
    for (auto at = by_least_.rbegin(); at != by_least_.rend() && at->first > bytes; ++at)
      found.push_back(at->second);
    return found;
  }

private:
  using requests_by_bytes = std::map<std::uint64_t, std::size_t>;
  static std::optional<std::uint64_t> least_of(const requests_by_bytes& requests) {
    return requests.empty() ? std::nullopt : std::optional{requests.begin()->first};
  }
  template<class Change>
  void change(const domain::batch_id& batch, Change apply) {
    auto& requests = batches_[batch];
    const auto least = least_of(requests);
    apply(requests);
    const auto now = least_of(requests);
    if (now != least) {
      if (least) by_least_.erase({*least, batch});
      if (now) by_least_.emplace(*now, batch);
    }
    if (!now) batches_.erase(batch);
  }

  std::map<domain::batch_id, requests_by_bytes> batches_;
  std::set<std::pair<std::uint64_t, domain::batch_id>> by_least_;
};

} // namespace darkroom::actors
