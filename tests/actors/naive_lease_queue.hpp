// The rules of `lease_queue` in their simplest form: every request is looked at for every grant.
#pragma once

#include "actors/lease_queue.hpp"
#include "actors/limits.hpp"

#include <algorithm>
#include <bit>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace darkroom::tests {

class naive_lease_queue {
public:
  std::size_t add_node(const actors::node_capacity& capacity) {
    const auto free = std::ranges::find_if(nodes_, [](const node& n) { return !n.present; });
    const auto at = static_cast<std::size_t>(free - nodes_.begin());
    if (free == nodes_.end()) nodes_.emplace_back();
    nodes_[at] = {capacity, true, false, 0, 0, {}};
    return at;
  }
  void remove_node(std::size_t at) {
    nodes_[at] = {};
    std::erase_if(leases_, [&](const auto& l) {
      if (l.second.node != at) return false;
      served_[l.second.user] -= l.second.cost;
      return true;
    });
  }
  void close_node(std::size_t at, bool closed) { nodes_[at].closed = closed; }
  void resize_node(std::size_t at, std::uint64_t bytes) { nodes_[at].has.memory_bytes = bytes; }
  void note_unsettled(std::uint32_t attempts, std::uint32_t alone) {
    unsettled_ = attempts;
    unsettled_alone_ = alone;
  }

  void set_server_cost(std::uint64_t us) { server_file_us_ = us; }

  void request(const actors::lease_wish& wish) {
    const bool waits =
        std::ranges::any_of(waiting_, [&](const waiting& w) { return w.wish.user == wish.user; });
    auto& served = served_[wish.user];
    if (!waits) served = std::max(served, begin_at_);
    waiting_.push_back({wish, next_number_++, {}});
  }
  void withdraw(const actors::file_key& file) {
    std::erase_if(waiting_, [&](const waiting& w) { return w.wish.file == file; });
  }
  void reprioritise(const actors::file_key& file, std::uint8_t priority) {
    for (auto& w : waiting_)
      if (w.wish.file == file) w.wish.priority = priority;
  }
  void end(domain::lease_id id, std::optional<std::uint64_t> measured) {
    const auto at = leases_.find(id);
    if (at == leases_.end()) return;
    const auto& l = at->second;
    auto cost = measured.value_or(l.cost);
    if (measured && !nodes_[l.node].has.local) {
      cost = std::max(cost, l.cost / limits::measured_ratio_max);
      cost = std::min(cost, l.cost * limits::measured_ratio_max);
    }
    if (measured) cost += server_file_us_;
    auto& served = served_[l.user];
    served = served + cost > l.cost ? served + cost - l.cost : 0;
    release(at, cost);
  }
  void give_back(domain::lease_id id) {
    const auto at = leases_.find(id);
    if (at == leases_.end()) return;
    const auto& l = at->second;
    served_[l.user] -= l.cost;
    release(at, server_file_us_);
  }

  std::vector<actors::grant> grant_all(std::uint64_t now_ms) {
    std::vector<actors::grant> grants;
    while (const auto one = grant_one(now_ms))
      grants.push_back(*one);
    return grants;
  }

  std::set<domain::batch_id> fit_nowhere() const {
    std::set<domain::batch_id> found;
    const auto could_run = [&](const waiting& w) {
      return std::ranges::any_of(nodes_, [&](const node& n) {
        return n.open() && n.has.slots != 0 && n.has.memory_bytes >= w.wish.memory_bytes;
      });
    };
    if (std::ranges::none_of(nodes_, [](const node& n) { return n.open() && n.has.slots != 0; }))
      return found;
    for (const auto& w : waiting_)
      found.insert(w.wish.file.batch);
    for (const auto& w : waiting_)
      if (could_run(w)) found.erase(w.wish.file.batch);
    return found;
  }

private:
  struct turn {
    std::string user;
    std::uint64_t used, began_ms;
  };
  struct node {
    actors::node_capacity has;
    bool present = false, closed = false;
    std::uint32_t leased = 0;
    std::uint64_t granted_bytes = 0;
    std::vector<turn> turns;
    bool open() const { return present && !closed; }
    std::uint64_t free_bytes() const {
      return has.memory_bytes > granted_bytes ? has.memory_bytes - granted_bytes : 0;
    }
  };
  struct waiting {
    actors::lease_wish wish;
    std::uint64_t number;
    std::optional<std::uint64_t> overtaken_since_ms;
  };
  struct lease {
    std::size_t node;
    std::uint64_t bytes;
    bool alone;
    std::string user;
    std::uint64_t cost, turn_used, turn_began_ms;
  };

  // The lease ends; its turn may go on.
  void release(std::map<domain::lease_id, lease>::iterator at, std::uint64_t turn_used) {
    const auto& l = at->second;
    auto& n = nodes_[l.node];
    n.leased -= 1;
    n.granted_bytes -= l.bytes;
    n.turns.push_back({l.user, l.turn_used + turn_used, l.turn_began_ms});
    leases_.erase(at);
  }

  std::optional<std::size_t> node_for(const actors::lease_wish& wish,
                                      const std::vector<bool>& kept) const {
    if (wish.alone && (!leases_.empty() || unsettled_ != 0)) return std::nullopt;
    const bool stays = wish.small && std::ranges::any_of(nodes_, [](const node& n) {
                         return n.open() && n.has.local && n.has.slots != 0;
                       });
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const auto& n = nodes_[i];
      if (!n.open() || kept[i] || n.free_bytes() < wish.memory_bytes) continue;
      const bool has_slot = n.leased < n.has.slots;
      if (!has_slot && (stays || wish.alone || n.leased >= n.has.slots + n.has.ahead)) continue;
      const auto merit = [](const node& other) {
        const bool free = other.leased < other.has.slots;
        const double load = static_cast<double>(other.leased) / std::max(1u, other.has.slots);
        return std::tuple(free, free && other.has.local, -load, other.free_bytes());
      };
      if (!best || merit(n) > merit(nodes_[*best])) best = i;
    }
    return best;
  }

  // In the order in which they are served, if all fit.
  std::vector<waiting*> in_order() {
    std::vector<waiting*> order;
    for (auto& w : waiting_)
      order.push_back(&w);
    std::ranges::sort(order, {}, [&](const waiting* w) {
      const auto& f = w->wish;
      return std::tuple(served_[f.user], f.user, 255u - f.priority, f.file.batch, f.suspect,
                        64 - static_cast<int>(std::bit_width(f.cost)), w->number);
    });
    return order;
  }

  std::optional<actors::grant> grant_one(std::uint64_t now_ms) {
    const bool any_free = std::ranges::any_of(
        nodes_, [](const node& n) { return n.open() && n.leased < n.has.slots + n.has.ahead; });
    const bool alone_runs =
        unsettled_alone_ != 0 ||
        std::ranges::any_of(leases_, [](const auto& l) { return l.second.alone; });
    if (!any_free || alone_runs) return std::nullopt;
    std::vector<bool> kept(nodes_.size());
    const auto order = in_order();
    for (bool first_look = true;; first_look = false) {
      const auto fresh =
          std::ranges::find_if(order, [](const waiting* w) { return !w->overtaken_since_ms; });
      const auto served_max = fresh == order.end() ? UINT64_MAX : served_[(*fresh)->wish.user];
      std::set<std::string> passed_by;
      for (auto* w : order) {
        const auto& user = w->wish.user;
        if (!w->overtaken_since_ms || passed_by.contains(user)) continue;
        if (const auto where = node_for(w->wish, kept)) {
          if (served_[user] <= served_max) return give(*w, *where, {{}, 0, now_ms});
          passed_by.insert(user);
          continue;
        }
        if (now_ms < *w->overtaken_since_ms + limits::memory_overtake_ms) continue;
        bool could = false;
        for (std::size_t i = 0; i < nodes_.size(); ++i)
          if (nodes_[i].open() && nodes_[i].has.slots != 0 &&
              nodes_[i].has.memory_bytes >= w->wish.memory_bytes)
            kept[i] = could = true;
        if (could && w->wish.alone) return std::nullopt;
      }
      if (first_look)
        if (const auto goes_on = continue_turn(order, kept, now_ms)) return goes_on;
      if (fresh == order.end()) return std::nullopt;
      if (const auto where = node_for((*fresh)->wish, kept))
        return give(**fresh, *where, {{}, 0, now_ms});
      (*fresh)->overtaken_since_ms = now_ms;
    }
  }

  std::optional<actors::grant> continue_turn(const std::vector<waiting*>& order,
                                             const std::vector<bool>& kept, std::uint64_t now_ms) {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      while (!nodes_[i].turns.empty() && !kept[i] && nodes_[i].open()) {
        const auto goes_on = nodes_[i].turns.back();
        nodes_[i].turns.pop_back();
        const auto cost = quantum();
        if (goes_on.used >= cost) continue;
        if (now_ms >= goes_on.began_ms + cost * limits::turn_wall_per_cpu / 1'000) continue;
        const auto next = std::ranges::find_if(order, [&](const waiting* w) {
          return w->wish.user == goes_on.user && !w->overtaken_since_ms;
        });
        std::vector<bool> others(nodes_.size(), true);
        others[i] = false;
        if (next == order.end() || !node_for((*next)->wish, others)) continue;
        const auto has_slot = [](const node& n) { return n.leased < n.has.slots; };
        if (has_slot(nodes_[i]) || !has_slot(nodes_[*node_for((*next)->wish, kept)]))
          return give(**next, i, goes_on);
      }
    return std::nullopt;
  }

  std::uint64_t quantum() const {
    std::uint64_t slots = 0;
    for (const auto& n : nodes_)
      if (n.open()) slots += n.has.slots;
    std::set<std::string> users;
    for (const auto& w : waiting_)
      users.insert(w.wish.user);
    const auto cost = limits::quantum_round_us * slots / std::max<std::size_t>(users.size(), 1);
    return std::min(std::max(cost, limits::quantum_min_us), limits::quantum_max_us);
  }

  actors::grant give(const waiting& of, std::size_t where, const turn& in) {
    const auto wish = of.wish;
    auto least = served_[wish.user];
    for (const auto& w : waiting_)
      if (!w.overtaken_since_ms) least = std::min(least, served_[w.wish.user]);
    begin_at_ = std::max(begin_at_, least);
    withdraw(wish.file);
    const auto cost = std::max<std::uint64_t>(wish.cost, 1);
    served_[wish.user] += cost;
    nodes_[where].leased += 1;
    nodes_[where].granted_bytes += wish.memory_bytes;
    const auto id = next_lease_++;
    leases_[id] = {where, wish.memory_bytes, wish.alone, wish.user, cost, in.used, in.began_ms};
    return {wish.file, id, where};
  }

  std::vector<node> nodes_;
  std::list<waiting> waiting_;
  std::map<std::string, std::uint64_t> served_;
  std::map<domain::lease_id, lease> leases_;
  domain::lease_id next_lease_ = 1;
  std::uint64_t next_number_ = 0, begin_at_ = 0;
  std::uint32_t unsettled_ = 0, unsettled_alone_ = 0;
  std::uint64_t server_file_us_ = limits::server_file_us;
};

} // namespace darkroom::tests
