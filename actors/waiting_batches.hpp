// Of each batch with waiting requests: whose it is, and the least memory that one of them needs, so
// that those batches are found of which no request fits. Pure.
#pragma once

#include "domain/ids.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace darkroom::actors {

// For the tables of Boost, which mix what a hash returns.
struct hash_of_batch {
  std::size_t operator()(const domain::batch_id& batch) const {
    std::uint64_t halves[2];
    static_assert(sizeof halves == sizeof batch.bytes);
    std::memcpy(halves, batch.bytes.data(), sizeof halves);
    return static_cast<std::size_t>(halves[0] ^ halves[1]);
  }
};

class waiting_batches {
public:
  // All requests of a batch have the same user. Previews have no batch: of their users the first
  // one is known.
  void add(const domain::batch_id& batch, const std::string& user, std::uint64_t bytes) {
    auto& of_batch = batches_[batch];
    if (of_batch.requests.empty()) of_batch.user = user;
    change(batch, of_batch, [&](auto& requests) { requests[bytes] += 1; });
  }
  // Of a request that was added.
  void remove(const domain::batch_id& batch, std::uint64_t bytes) {
    const auto of_batch = batches_.find(batch);
    change(batch, of_batch->second, [&](auto& requests) {
      if (const auto at = requests.find(bytes); --at->second == 0) requests.erase(at);
    });
    if (of_batch->second.requests.empty()) batches_.erase(of_batch);
  }
  // Null when none of its requests waits.
  const std::string* user_of(const domain::batch_id& batch) const {
    const auto of_batch = batches_.find(batch);
    return of_batch == batches_.end() ? nullptr : &of_batch->second.user;
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
  struct batch_requests {
    std::string user;
    requests_by_bytes requests;
    std::optional<std::uint64_t> least() const {
      return requests.empty() ? std::nullopt : std::optional{requests.begin()->first};
    }
  };
  template<class Change>
  void change(const domain::batch_id& batch, batch_requests& of_batch, Change apply) {
    const auto before = of_batch.least();
    apply(of_batch.requests);
    const auto now = of_batch.least();
    if (now == before) return;
    if (before) by_least_.erase({*before, batch});
    if (now) by_least_.emplace(*now, batch);
  }

  boost::unordered_flat_map<domain::batch_id, batch_requests, hash_of_batch> batches_;
  std::set<std::pair<std::uint64_t, domain::batch_id>> by_least_;
};

} // namespace darkroom::actors
