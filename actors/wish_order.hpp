// The waiting requests of one user in the order in which they are served. There are few groups of
// requests, and within a group the order is that of arrival: a request is added, and the first one
// taken out, at a cost that hardly depends on how many wait. Pure.
#pragma once

#include "domain/ids.hpp"

#include <compare>
#include <cstdint>
#include <iterator>
#include <list>
#include <map>
#include <optional>

namespace darkroom::actors {

// Orders the requests of one user, but for the order of arrival. A batch's id tells its age; costs
// count as equal within a factor of two.
struct wish_group {
  std::uint16_t low_priority = 0;
  domain::batch_id batch = {};
  bool suspect = false;
  std::uint8_t low_cost = 0;
  auto operator<=>(const wish_group&) const = default;
};

struct wish_rank {
  wish_group group;
  std::uint64_t number = 0; // in the order of arrival, among all requests
  auto operator<=>(const wish_rank&) const = default;
};

template<class Wish>
class wish_order {
  struct entry;
  using chain = std::list<entry>; // by number
  using group_map = std::map<wish_group, chain>;
  struct entry {
    std::uint64_t number;
    group_map::iterator group;
    Wish wish;
    wish_rank rank() const { return {group->first, number}; }
  };

public:
  // Where a wish lies, until it is erased.
  class place {
  public:
    Wish& wish() const { return at_->wish; }
    wish_rank rank() const { return at_->rank(); }

  private:
    friend wish_order;
    explicit place(chain::iterator at) : at_(at) {}
    chain::iterator at_;
  };

  // Walks in the order; valid until the next change.
  class iterator {
  public:
    const Wish& operator*() const { return at_->wish; }
    wish_rank rank() const { return at_->rank(); }
    iterator& operator++() {
      ++at_;
      if (at_ != group_->second.end()) return *this;
      ++group_;
      if (group_ != end_) at_ = group_->second.begin();
      return *this;
    }
    bool at_end() const { return group_ == end_; }
    bool operator==(std::default_sentinel_t) const { return at_end(); }

  private:
    friend wish_order;
    iterator(group_map::const_iterator group, group_map::const_iterator end)
        : group_(group), end_(end) {
      if (group != end) at_ = group->second.begin();
    }
    group_map::const_iterator group_, end_;
    chain::const_iterator at_;
  };

  bool empty() const { return groups_.empty(); }
  iterator begin() const { return {groups_.begin(), groups_.end()}; }
  std::default_sentinel_t end() const { return {}; }

  place add(const wish_rank& rank, const Wish& wish) {
    chain added;
    added.push_back({rank.number, {}, wish});
    return insert(rank.group, added);
  }

  void erase(const place& from) {
    const auto group = from.at_->group;
    group->second.erase(from.at_);
    erase_if_empty(group);
  }

  // To a group of this order or of another. The wish keeps its number, its place and its address.
  void move(const place& from, wish_order& to, wish_group group) {
    const auto left = from.at_->group;
    chain moved;
    moved.splice(moved.end(), left->second, from.at_);
    erase_if_empty(left);
    to.insert(group, moved);
  }

  // The first wish of a batch. Takes a search for each priority.
  std::optional<iterator> first_of(const domain::batch_id& batch) const {
    for (auto at = groups_.begin(); at != groups_.end();) {
      const auto low_priority = at->first.low_priority;
      at = groups_.lower_bound({.low_priority = low_priority, .batch = batch});
      if (at == groups_.end()) break;
      if (at->first.low_priority != low_priority) continue;
      if (at->first.batch == batch) return iterator{at, groups_.end()};
      at = groups_.lower_bound({.low_priority = static_cast<std::uint16_t>(low_priority + 1)});
    }
    return std::nullopt;
  }

private:
  // Almost every wish is the last of its group. A change of priority moves many, in or against the
  // order of arrival: then it is the last as well, or the first.
  place insert(const wish_group& group, chain& one) {
    const auto into = groups_.try_emplace(group).first;
    auto& others = into->second;
    const auto number = one.front().number;
    auto before = others.end();
    if (!others.empty() && number < others.front().number) before = others.begin();
    while (before != others.begin() && std::prev(before)->number > number)
      --before;
    const auto at = one.begin();
    at->group = into;
    others.splice(before, one);
    return place{at};
  }
  void erase_if_empty(group_map::iterator group) {
    if (group->second.empty()) groups_.erase(group);
  }

  group_map groups_;
};

} // namespace darkroom::actors
