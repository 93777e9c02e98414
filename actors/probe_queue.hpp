// Whose header is read next: previews and uploads first, because somebody waits for them; then
// owner by owner, a handful of each, because every change of owner costs a new host. Pure.
#pragma once

#include "actors/limits.hpp"

#include <deque>
#include <map>
#include <optional>
#include <string>

namespace darkroom::actors {

template<class Item>
class probe_queue {
public:
  void add(const std::string& owner, bool urgent, Item item) {
    auto& q = urgent ? urgent_ : usual_;
    auto& own = q.by_owner[owner];
    if (own.empty()) q.turns.push_back(owner);
    own.push_back(std::move(item));
  }
  bool empty() const { return urgent_.turns.empty() && usual_.turns.empty(); }
  // Whether the next one is urgent.
  bool urgent() const { return !urgent_.turns.empty(); }
  std::optional<Item> next() {
    auto& q = urgent_.turns.empty() ? usual_ : urgent_;
    if (q.turns.empty()) return std::nullopt;
    const auto owner = q.turns.front();
    const auto own = q.by_owner.find(owner);
    Item item = std::move(own->second.front());
    own->second.pop_front();
    q.taken += 1;
    const bool empty = own->second.empty();
    if (empty) q.by_owner.erase(own);
    if (empty || q.taken >= limits::probes_in_a_row_max) {
      q.taken = 0;
      q.turns.pop_front();
      if (!empty) q.turns.push_back(owner);
    }
    return item;
  }

private:
  struct queue {
    std::map<std::string, std::deque<Item>> by_owner;
    std::deque<std::string> turns; // owners that have something waiting
    std::size_t taken = 0;         // in a row from the first of them
  };
  queue urgent_, usual_;
};

} // namespace darkroom::actors
