#include "actors/lease_queue.hpp"

#include "actors/cluster/limits.hpp"
#include "actors/limits.hpp"

#include <algorithm>
#include <bit>
#include <set>
#include <tuple>

namespace darkroom::actors {

std::size_t lease_queue::add_node(const node_capacity& capacity) {
  const auto free = std::ranges::find(nodes_, false, &node::present);
  const auto at = static_cast<std::size_t>(free - nodes_.begin());
  if (free == nodes_.end()) nodes_.emplace_back();
  nodes_[at] = {.present = true,
                .local = capacity.local,
                .slots = capacity.slots,
                .ahead = capacity.ahead,
                .memory_bytes = capacity.memory_bytes,
                .memory_most_bytes = capacity.memory_bytes};
  return at;
}

void lease_queue::remove_node(std::size_t at) {
  nodes_[at] = {};
  std::erase_if(leases_, [&](const auto& l) { return l.second.node == at; });
  if (nodes_join_) note_all_oversized();
}

void lease_queue::note_all_oversized() {
  for (const auto& [name, u] : users_)
    for (const auto& [position, waiting] : u.queue)
      note_oversized(waiting.wish);
}

void lease_queue::resize_node(std::size_t at, std::uint64_t memory_bytes) {
  nodes_[at].memory_bytes = memory_bytes;
  note_all_oversized();
}

void lease_queue::close_node_until(std::size_t at, std::uint64_t ms) {
  nodes_[at].closed_until_ms = std::max(nodes_[at].closed_until_ms, ms);
}

void lease_queue::note_oversized(const lease_wish& wish) {
  if (wish.memory_bytes > memory_max_bytes()) oversized_.try_emplace(wish.file, std::nullopt);
}

std::uint64_t lease_queue::memory_max_bytes() const {
  std::uint64_t most = 0;
  for (const auto& n : nodes_)
    if (n.slots != 0) most = std::max(most, n.memory_bytes);
  return most;
}

std::uint64_t lease_queue::memory_granted_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& n : nodes_)
    sum += n.granted_bytes;
  return sum;
}

// Users who have nothing waiting and no advantage to lose are forgotten.
void lease_queue::forget_users(std::uint64_t least_served) {
  std::erase_if(users_, [&](const auto& entry) {
    return entry.second.queue.empty() && entry.second.served <= least_served;
  });
}

bool lease_queue::request(const lease_wish& wish) {
  const bool ever = nodes_join_ || std::ranges::any_of(nodes_, [&](const node& n) {
                      return n.slots != 0 && n.memory_most_bytes >= wish.memory_bytes;
                    });
  if (!ever) return false;
  note_oversized(wish);
  if (!users_.contains(wish.user)) {
    std::optional<std::uint64_t> least;
    for (const auto& [name, other] : users_)
      if (!other.queue.empty()) least = std::min(least.value_or(other.served), other.served);
    if (least) forget_users(*least);
  }
  auto& u = users_[wish.user];
  if (u.queue.empty()) {
    // Who comes back does not collect what was not used while away.
    std::optional<std::uint64_t> least;
    for (const auto& [name, other] : users_)
      if (!other.queue.empty()) least = std::min(least.value_or(other.served), other.served);
    u.served = std::max(u.served, least.value_or(u.served));
  }
  const rank at{255u - wish.priority, wish.file.batch, wish.suspect,
                64 - static_cast<int>(std::bit_width(wish.cost)), next_number_++};
  const auto queued = u.queue.emplace(at, waiting_wish{wish, {}}).first;
  waiting_[wish.file] = {wish.user, at};
  batches_[wish.file.batch][at] = &queued->second.wish;
  return true;
}

// Takes a wish out of the queue.
void lease_queue::forget(std::map<file_key, std::pair<std::string, rank>>::iterator at) {
  const auto& [name, position] = at->second;
  const auto batch = batches_.find(at->first.batch);
  batch->second.erase(position);
  if (batch->second.empty()) batches_.erase(batch);
  users_[name].queue.erase(position);
  waiting_.erase(at);
}

bool lease_queue::withdraw(const file_key& file) {
  const auto at = waiting_.find(file);
  if (at == waiting_.end()) return false;
  forget(at);
  return true;
}

void lease_queue::end(domain::lease_id id) {
  const auto at = leases_.find(id);
  if (at == leases_.end()) return;
  auto& n = nodes_[at->second.node];
  n.leased -= 1;
  n.granted_bytes -= at->second.memory_bytes;
  leases_.erase(at);
}

bool lease_queue::running_alone() const {
  return unsettled_alone_ != 0 ||
         std::ranges::any_of(leases_, [](const auto& l) { return l.second.alone; });
}

// A node with a free slot that can take it now: the local one, else the one with the least to do.
// When every slot is taken, one where it may wait; small files wait here, if there are slots here.
std::optional<std::size_t> lease_queue::node_for(const lease_wish& wish,
                                                 const std::vector<bool>& kept) const {
  if (wish.alone && (!leases_.empty() || unsettled_ != 0)) return std::nullopt;
  const bool stays = wish.small && std::ranges::any_of(nodes_, [&](const node& n) {
                       return open(n) && n.local && n.slots != 0;
                     });
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto& n = nodes_[i];
    if (!open(n) || kept[i] || n.free_bytes() < wish.memory_bytes) continue;
    const bool has_slot = n.leased < n.slots;
    if (!has_slot && (stays || wish.alone || n.leased >= n.slots + n.ahead)) continue;
    const auto merit = [&](const node& other) {
      const bool free = other.leased < other.slots;
      const double load = static_cast<double>(other.leased) / std::max(1u, other.slots);
      return std::tuple(free, free && other.local, -load, other.free_bytes());
    };
    if (!best || merit(n) > merit(nodes_[*best])) best = i;
  }
  return best;
}

grant lease_queue::give(user& u, std::map<rank, waiting_wish>::iterator at, std::size_t where) {
  const lease_wish wish = at->second.wish;
  forget(waiting_.find(wish.file));
  u.served += std::max<std::uint64_t>(wish.cost, 1);
  auto& n = nodes_[where];
  n.leased += 1;
  n.granted_bytes += wish.memory_bytes;
  oversized_.erase(wish.file);
  const auto id = next_lease_++;
  leases_[id] = {where, wish.memory_bytes, wish.alone, false, wish.file};
  return {wish.file, id, where};
}

std::optional<grant> lease_queue::grant_one(std::uint64_t now_ms) {
  const bool any_free = std::ranges::any_of(
      nodes_, [&](const node& n) { return open(n) && n.leased < n.slots + n.ahead; });
  if (!any_free || running_alone()) return std::nullopt;
  std::vector<user*> order;
  for (auto& [name, u] : users_)
    if (!u.queue.empty()) order.push_back(&u);
  std::ranges::sort(order, {}, [](const user* u) { return u->served; });

  // Somebody has been overtaken long enough: until that one fits, nobody else is served where it
  // could run. A closed node is none of these: it may stay closed for days.
  std::vector<bool> kept(nodes_.size());
  for (user* u : order)
    for (auto at = u->queue.begin(); at != u->queue.end(); ++at) {
      const auto since = at->second.overtaken_since_ms;
      if (!since) continue;
      const auto& wish = at->second.wish;
      if (const auto where = node_for(wish, kept)) return give(*u, at, *where);
      if (now_ms < *since + limits::memory_overtake_ms) continue;
      bool could = false;
      for (std::size_t i = 0; i < nodes_.size(); ++i)
        if (open(nodes_[i]) && nodes_[i].slots != 0 && nodes_[i].memory_bytes >= wish.memory_bytes)
          kept[i] = could = true;
      if (could && wish.alone) return std::nullopt; // it waits for all of them
    }
  for (user* u : order)
    for (auto at = u->queue.begin(); at != u->queue.end(); ++at) {
      if (at->second.overtaken_since_ms) continue; // does not fit, see above
      if (const auto where = node_for(at->second.wish, kept)) return give(*u, at, *where);
      at->second.overtaken_since_ms = now_ms;
    }
  return std::nullopt;
}

std::vector<grant> lease_queue::grant_all(std::uint64_t now_ms) {
  now_ms_ = now_ms;
  std::vector<grant> grants;
  if (now_ms < held_until_ms_) return grants;
  while (auto granted = grant_one(now_ms))
    grants.push_back(*granted);
  return grants;
}

std::vector<file_key> lease_queue::take_impossible() {
  std::vector<file_key> given_up;
  // Without any node, whoever comes first may be the one.
  if (std::ranges::none_of(nodes_, &node::slots)) return given_up;
  for (auto at = oversized_.begin(); at != oversized_.end();) {
    const auto waiting = waiting_.find(at->first);
    if (waiting == waiting_.end()) {
      at = oversized_.erase(at);
      continue;
    }
    const auto& [name, position] = waiting->second;
    const bool fits = users_[name].queue.at(position).wish.memory_bytes <= memory_max_bytes();
    if (!fits && !at->second) at->second = now_ms_;
    if (!fits && now_ms_ >= *at->second + limits::node_wait_ms) given_up.push_back(at->first);
    at = fits ? oversized_.erase(at) : std::next(at);
  }
  for (const auto& file : given_up) {
    oversized_.erase(file);
    withdraw(file);
  }
  return given_up;
}

std::vector<grant> lease_queue::take_recalls() {
  std::vector<grant> recalls;
  if (!waiting_.empty() || now_ms_ < held_until_ms_) return recalls;
  std::uint32_t idle = 0;
  std::vector<std::uint32_t> surplus;
  for (const auto& n : nodes_) {
    if (open(n) && n.leased < n.slots) idle += n.slots - n.leased;
    surplus.push_back(n.leased > n.slots ? n.leased - n.slots : 0);
  }
  // The youngest first: those have waited least.
  for (auto at = leases_.rbegin(); at != leases_.rend() && idle != 0; ++at) {
    auto& [id, l] = *at;
    if (surplus[l.node] == 0) continue;
    surplus[l.node] -= 1;
    if (l.recalled) continue;
    l.recalled = true;
    idle -= 1;
    recalls.push_back({l.file, id, l.node});
  }
  return recalls;
}

wait_reason lease_queue::reason_of(const lease_wish& wish) const {
  if (now_ms_ < held_until_ms_) return held_for_room_ ? wait_reason::disk : wait_reason::workers;
  bool any = false, could_hold = false, free_slot = false, fits = false;
  for (const auto& n : nodes_) {
    if (!open(n) || n.slots == 0) continue;
    any = true;
    could_hold |= n.memory_bytes >= wish.memory_bytes;
    free_slot |= n.leased < n.slots;
    fits |= n.leased < n.slots && n.free_bytes() >= wish.memory_bytes;
  }
  if (!any) return wait_reason::workers;
  if (!could_hold) return wait_reason::memory; // until a machine with more of it joins
  // Others have the memory; a file that runs alone waits for the others themselves.
  const bool alone = wish.alone || running_alone();
  return free_slot && !fits && !alone ? wait_reason::memory : wait_reason::turn;
}

std::vector<queue_place> lease_queue::places(std::size_t files_max) const {
  struct turn {
    std::uint64_t served;
    std::size_t number; // of the user: among equals, as they are served
    std::map<rank, waiting_wish>::const_iterator at, end;
  };
  std::vector<turn> turns;
  for (const auto& [name, u] : users_)
    if (!u.queue.empty()) turns.push_back({u.served, turns.size(), u.queue.begin(), u.queue.end()});
  const auto later = [](const turn& a, const turn& b) {
    return std::pair{a.served, a.number} > std::pair{b.served, b.number};
  };
  std::ranges::make_heap(turns, later);
  std::vector<queue_place> found;
  std::set<domain::batch_id> seen;
  for (std::uint32_t ahead = 0; !turns.empty() && ahead < files_max; ++ahead) {
    std::ranges::pop_heap(turns, later);
    auto next = turns.back();
    turns.pop_back();
    const auto& wish = next.at->second.wish;
    if (seen.insert(wish.file.batch).second)
      found.push_back({wish.file.batch, ahead, reason_of(wish)});
    next.served += std::max<std::uint64_t>(wish.cost, 1);
    if (++next.at == next.end) continue;
    turns.push_back(next);
    std::ranges::push_heap(turns, later);
  }
  return found;
}

std::optional<wait_reason> lease_queue::waits_for(const domain::batch_id& batch) const {
  const auto waiting = batches_.find(batch);
  if (waiting == batches_.end()) return std::nullopt;
  return reason_of(*waiting->second.begin()->second);
}

std::optional<std::uint64_t> lease_queue::wake_ms() const {
  if (waiting_.empty()) return std::nullopt;
  if (now_ms_ < held_until_ms_) return held_until_ms_;
  std::optional<std::uint64_t> next;
  const auto consider = [&](std::uint64_t ms) {
    if (ms > now_ms_) next = std::min(next.value_or(ms), ms);
  };
  for (const auto& n : nodes_)
    if (n.present) consider(n.closed_until_ms);
  // Something has ended that is not durable yet: that takes a sync, and no message comes of it.
  if (leases_.empty() && unsettled_ != 0) consider(now_ms_ + limits::settle_look_ms);
  for (const auto& [file, since] : oversized_)
    if (since) consider(*since + limits::node_wait_ms);
  return next;
}

} // namespace darkroom::actors
