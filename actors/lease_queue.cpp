#include "actors/lease_queue.hpp"

#include "actors/cluster/limits.hpp"
#include "actors/limits.hpp"

#include <algorithm>
#include <bit>
#include <set>
#include <tuple>
#include <utility>

namespace darkroom::actors {

namespace {

std::uint16_t low_priority(std::uint8_t priority) {
  return static_cast<std::uint16_t>(255 - priority);
}

wish_group group_of(const lease_wish& wish) {
  return {low_priority(wish.priority), wish.file.batch, wish.suspect,
          static_cast<std::uint8_t>(64 - std::bit_width(wish.cost))};
}

} // namespace

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
  std::erase_if(leases_, [&](const auto& l) {
    if (l.second.node != at) return false;
    leases_alone_ -= l.second.alone ? 1 : 0;
    correct_charge(l.second, 0);
    return true;
  });
  if (nodes_join_) note_all_oversized();
}

void lease_queue::note_all_oversized() {
  for (const auto& [name, u] : users_)
    for (const auto* order : {&u.fresh, &u.overtaken})
      for (const auto& wish : *order)
        note_oversized(wish);
}

void lease_queue::resize_node(std::size_t at, std::uint64_t memory_bytes) {
  nodes_[at].memory_bytes = memory_bytes;
  note_all_oversized();
}

void lease_queue::close_node_until(std::size_t at, std::uint64_t ms) {
  nodes_[at].closed_until_ms = std::max(nodes_[at].closed_until_ms, ms);
}

void lease_queue::note_oversized(const waiting_wish& wish) {
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

// Users who would begin at the same place if they were new, and owe nothing.
void lease_queue::forget_users() {
  if (users_.size() < 2 * users_kept_) return;
  std::erase_if(users_, [&](const auto& entry) {
    const auto& u = entry.second;
    return !u.waits() && u.leases == 0 && u.served <= begin_at_;
  });
  users_kept_ = users_.size();
}

// After a change of what the user's place depends on.
void lease_queue::list(user_map::iterator at) {
  auto& [name, u] = *at;
  const listing now{u.served, !u.fresh.empty(), !u.overtaken.empty()};
  const auto before = std::exchange(u.listed, now);
  if (now == before) return;
  users_waiting_ += now.waits() ? 1 : 0;
  users_waiting_ -= before.waits() ? 1 : 0;
  if (before.fresh) with_fresh_.erase({before.served, name});
  if (before.overtaken) with_overtaken_.erase({before.served, name});
  if (now.fresh) with_fresh_.emplace(now.served, name);
  if (now.overtaken) with_overtaken_.emplace(now.served, name);
}

bool lease_queue::request(const lease_wish& wish) {
  const bool ever = nodes_join_ || std::ranges::any_of(nodes_, [&](const node& n) {
                      return n.slots != 0 && n.memory_most_bytes >= wish.memory_bytes;
                    });
  if (!ever) return false;
  withdraw(wish.file); // a supervisor that began again may ask before its old request is withdrawn
  if (!users_.contains(wish.user)) forget_users();
  const auto of_user = users_.try_emplace(wish.user).first;
  auto& u = of_user->second;
  if (!u.waits()) u.served = std::max(u.served, begin_at_);
  const wish_rank rank{group_of(wish), next_number_++};
  const auto place = u.fresh.add(rank, {.file = wish.file,
                                        .alone = wish.alone,
                                        .small = wish.small,
                                        .memory_bytes = wish.memory_bytes,
                                        .cost = wish.cost});
  list(of_user);
  note_oversized(place.wish());
  waiting_.try_emplace(wish.file, waiting_place{of_user, place});
  batches_.add(wish.file.batch, wish.user, wish.memory_bytes);
  return true;
}

// Takes a wish out of the queue.
void lease_queue::forget(const waiting_map::iterator& at) {
  const auto& [of_user, place] = at->second;
  const auto& wish = place.wish();
  auto& u = of_user->second;
  batches_.remove(wish.file.batch, wish.memory_bytes);
  if (wish.overtaken)
    for (auto* index : {&u.by_memory[needs_of(wish)], &u.kept_for[wish.alone ? 1 : 0]})
      index->erase({place.rank(), &wish});
  (wish.overtaken ? u.overtaken : u.fresh).erase(place);
  list(of_user);
  waiting_.erase(at);
}

bool lease_queue::withdraw(const file_key& file) {
  const auto at = waiting_.find(file);
  if (at == waiting_.end()) return false;
  forget(at);
  return true;
}

void lease_queue::reprioritise(const file_key& file, std::uint8_t priority) {
  const auto at = waiting_.find(file);
  if (at == waiting_.end()) return;
  auto& [of_user, place] = at->second;
  const auto before = place.rank();
  auto group = before.group;
  group.low_priority = low_priority(priority);
  auto& u = of_user->second;
  const auto& wish = place.wish();
  auto& order = wish.overtaken ? u.overtaken : u.fresh;
  order.move(place, order, group);
  if (!wish.overtaken) return;
  for (auto* index : {&u.by_memory[needs_of(wish)], &u.kept_for[wish.alone ? 1 : 0]})
    if (index->erase({before, &wish})) index->insert({place.rank(), &wish}, wish.memory_bytes);
}

// What the host used, and what the server itself takes beside it: that is most of what small files
// cost, and a turn of files that fail at once ends by it.
std::uint64_t lease_queue::charge(const lease& l, std::optional<std::uint64_t> measured) const {
  if (!measured) return l.cost;
  auto cost = *measured;
  if (!nodes_[l.node].local)
    cost =
        std::clamp(cost, l.cost / limits::measured_ratio_max, l.cost * limits::measured_ratio_max);
  return cost + server_file_us_;
}

void lease_queue::end(domain::lease_id id, std::optional<std::uint64_t> measured) {
  const auto at = leases_.find(id);
  if (at == leases_.end()) return;
  const auto cost = charge(at->second, measured);
  correct_charge(at->second, cost);
  release(at, cost);
}

void lease_queue::give_back(domain::lease_id id) {
  const auto at = leases_.find(id);
  if (at == leases_.end()) return;
  correct_charge(at->second, 0);
  // A turn of files that are all given back has to end as well.
  release(at, server_file_us_);
}

// The user of a lease that is over was charged with what was predicted.
void lease_queue::correct_charge(const lease& l, std::uint64_t cost) {
  const auto of_user = users_.find(l.turn.user);
  auto& u = of_user->second;
  u.leases -= 1;
  u.served = u.served + cost > l.cost ? u.served + cost - l.cost : 0;
  list(of_user);
}

// Frees what the lease holds; its turn may go on.
void lease_queue::release(std::map<domain::lease_id, lease>::iterator at, std::uint64_t turn_used) {
  auto& l = at->second;
  auto& n = nodes_[l.node];
  n.leased -= 1;
  n.granted_bytes -= l.memory_bytes;
  leases_alone_ -= l.alone ? 1 : 0;
  l.turn.used += turn_used;
  if (!l.recalled) n.turns.push_back(std::move(l.turn));
  leases_.erase(at);
}

bool lease_queue::small_files_stay() const {
  return std::ranges::any_of(nodes_,
                             [&](const node& n) { return open(n) && n.local && n.slots != 0; });
}

// Whether a file may go there, but for its memory.
bool lease_queue::can_use(const node& n, bool stays, bool alone) const {
  if (!open(n)) return false;
  return n.leased < n.slots || (!stays && !alone && n.leased < n.slots + n.ahead);
}

lease_queue::most_memory lease_queue::most_memory_of(const std::vector<bool>& kept) const {
  most_memory most;
  const bool small_stay = small_files_stay();
  const bool alone_may = leases_.empty() && unsettled_ == 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    for (needs n = 0; n < needs_count; ++n) {
      const bool alone = (n & 2) != 0, stays = (n & 1) != 0 && small_stay;
      if (kept[i] || (alone && !alone_may) || !can_use(nodes_[i], stays, alone)) continue;
      most[n] = std::max(most[n].value_or(0), nodes_[i].free_bytes());
    }
  return most;
}

// A node with a free slot that can take it now: the local one, else the one with the least to do.
// When every slot is taken, one where it may wait; small files wait here, if there are slots here.
std::optional<std::size_t> lease_queue::node_for(const waiting_wish& wish,
                                                 const std::vector<bool>& kept) const {
  if (wish.alone && (!leases_.empty() || unsettled_ != 0)) return std::nullopt;
  const bool stays = wish.small && small_files_stay();
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto& n = nodes_[i];
    if (kept[i] || n.free_bytes() < wish.memory_bytes || !can_use(n, stays, wish.alone)) continue;
    const auto merit = [&](const node& other) {
      const bool free = other.leased < other.slots;
      const double load = static_cast<double>(other.leased) / std::max(1u, other.slots);
      return std::tuple(free, free && other.local, -load, other.free_bytes());
    };
    if (!best || merit(n) > merit(nodes_[*best])) best = i;
  }
  return best;
}

// Short enough that each of those who wait has many turns in ten seconds.
std::uint64_t lease_queue::quantum() const {
  std::uint64_t slots = 0;
  for (const auto& n : nodes_)
    if (open(n)) slots += n.slots;
  const auto of_round = limits::quantum_round_us * slots / std::max<std::size_t>(users_waiting_, 1);
  return std::clamp(of_round, limits::quantum_min_us, limits::quantum_max_us);
}

// With its quantum or its time, as they are now: others may have come since it began.
bool lease_queue::over(const slot_turn& turn) const {
  const auto cost = quantum();
  return turn.used >= cost || now_ms_ >= turn.began_ms + cost * limits::turn_wall_per_cpu / 1'000;
}

grant lease_queue::give(user_map::iterator at, const waiting_wish& wish, std::size_t where,
                        slot_turn turn) {
  const auto cost = std::max<std::uint64_t>(wish.cost, 1);
  // A user who comes (back) gets no credit for the time away: service counts from the least of
  // those whose turn it may be. One whose files fit nowhere would hold it back for as long as they
  // wait.
  const auto least = with_fresh_.empty() ? at->second.served : with_fresh_.begin()->first;
  begin_at_ = std::max(begin_at_, std::min(least, at->second.served));
  at->second.served += cost;
  at->second.leases += 1;
  list(at);
  auto& n = nodes_[where];
  n.leased += 1;
  n.granted_bytes += wish.memory_bytes;
  leases_alone_ += wish.alone ? 1 : 0;
  const auto id = next_lease_++;
  leases_[id] = {where, wish.memory_bytes, wish.alone, false, wish.file, std::move(turn), cost};
  const auto file = wish.file;
  oversized_.erase(file);
  forget(waiting_.find(file)); // and `wish` with it
  return {file, id, where};
}

// It did not fit when it was its turn.
void lease_queue::overtake(user_map::iterator at, const waiting_wish& wish) {
  auto& u = at->second;
  const auto& place = waiting_.find(wish.file)->second.place;
  const auto rank = place.rank();
  u.fresh.move(place, u.overtaken, rank.group);
  place.wish().overtaken = true;
  u.by_memory[needs_of(wish)].insert({rank, &wish}, wish.memory_bytes);
  aging_.push_back({now_ms_, wish.file, rank.number});
  list(at);
}

// From now on, for those that have been overtaken long enough.
void lease_queue::keep_memory_for_old(std::uint64_t now_ms) {
  while (!aging_.empty() && now_ms >= aging_.front().since_ms + limits::memory_overtake_ms) {
    const auto old = aging_.front();
    aging_.pop_front();
    const auto waiting = waiting_.find(old.file);
    if (waiting == waiting_.end()) continue;
    const auto& place = waiting->second.place;
    if (place.rank().number != old.number) continue;
    const auto& wish = place.wish();
    auto& kept_for = waiting->second.user->second.kept_for[wish.alone ? 1 : 0];
    kept_for.insert({place.rank(), &wish}, wish.memory_bytes);
  }
}

// Grants the first of the overtaken that fits, of users who were served at most `served_max`. One
// that has been overtaken long enough keeps the nodes where it could run, until it fits, for
// itself: a closed node is none of these, it may stay closed for days. False: nothing else may be
// granted.
bool lease_queue::grant_overtaken(std::vector<bool>& kept, std::uint64_t served_max,
                                  std::optional<grant>& granted) {
  auto most = most_memory_of(kept);
  const auto could_hold = [&](bool unless_kept) {
    std::optional<std::uint64_t> bytes;
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (open(nodes_[i]) && nodes_[i].slots != 0 && !(unless_kept && kept[i]))
        bytes = std::max(bytes.value_or(0), nodes_[i].memory_bytes);
    return bytes;
  };
  for (const auto& [served, name] : with_overtaken_) {
    const auto at = users_.find(name);
    const auto& u = at->second;
    while (true) {
      const overtaken_wish* first = nullptr;
      const auto consider = [&](const overtaken_index& in,
                                std::optional<std::uint64_t> most_bytes) {
        const auto* found = most_bytes ? in.first_at_most(*most_bytes) : nullptr;
        if (found == nullptr || (first != nullptr && *first < *found)) return false;
        first = found;
        return true;
      };
      bool keeps = consider(u.kept_for[0], could_hold(true));
      if (consider(u.kept_for[1], could_hold(false))) keeps = true;
      for (needs n = 0; n < needs_count; ++n)
        if (consider(u.by_memory[n], most[n])) keeps = false;
      if (first == nullptr) break;
      const auto& wish = *first->wish;
      if (!keeps) {
        if (served > served_max) break; // it is the turn of others
        granted = give(at, wish, *node_for(wish, kept), new_turn(name));
        return true;
      }
      if (wish.alone) return false; // it waits for all of them
      for (std::size_t i = 0; i < nodes_.size(); ++i)
        if (open(nodes_[i]) && nodes_[i].slots != 0 && nodes_[i].memory_bytes >= wish.memory_bytes)
          kept[i] = true;
      most = most_memory_of(kept);
    }
  }
  return true;
}

// The user of a slot goes on there. A turn also ends when nothing of its user's waits that fits,
// and when the file would have to wait there and not elsewhere.
std::optional<grant> lease_queue::continue_turn(const std::vector<bool>& kept) {
  std::vector<bool> elsewhere(nodes_.size(), true);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    auto& n = nodes_[i];
    while (!n.turns.empty() && !kept[i] && open(n)) {
      auto going_on = std::move(n.turns.back());
      n.turns.pop_back();
      if (over(going_on)) continue;
      const auto at = users_.find(going_on.user);
      if (at == users_.end() || at->second.fresh.empty()) continue;
      const auto& next = *at->second.fresh.begin();
      elsewhere[i] = false;
      const bool here = node_for(next, elsewhere).has_value();
      elsewhere[i] = true;
      const auto has_slot = [&](const node& other) { return other.leased < other.slots; };
      if (here && (has_slot(n) || !has_slot(nodes_[*node_for(next, kept)])))
        return give(at, next, i, std::move(going_on));
    }
  }
  return std::nullopt;
}

std::optional<grant> lease_queue::grant_one() {
  const bool any_free = std::ranges::any_of(
      nodes_, [&](const node& n) { return open(n) && n.leased < n.slots + n.ahead; });
  if (!any_free || running_alone()) return std::nullopt;
  std::vector<bool> kept(nodes_.size());
  for (bool first_look = true;; first_look = false) {
    std::optional<grant> granted;
    const auto served_max = with_fresh_.empty() ? UINT64_MAX : with_fresh_.begin()->first;
    if (!grant_overtaken(kept, served_max, granted) || granted) return granted;
    if (first_look)
      if (auto goes_on = continue_turn(kept)) return goes_on;
    if (with_fresh_.empty()) return std::nullopt;
    const auto at = users_.find(with_fresh_.begin()->second);
    const auto& next = *at->second.fresh.begin();
    if (const auto where = node_for(next, kept)) return give(at, next, *where, new_turn(at->first));
    overtake(at, next);
  }
}

std::vector<grant> lease_queue::grant_all(std::uint64_t now_ms) {
  now_ms_ = now_ms;
  std::vector<grant> grants;
  if (now_ms < held_until_ms_) return grants;
  keep_memory_for_old(now_ms);
  while (auto granted = grant_one())
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
    const bool fits = waiting->second.place.wish().memory_bytes <= memory_max_bytes();
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

std::vector<domain::batch_id> lease_queue::fit_nowhere() const {
  std::optional<std::uint64_t> most;
  for (const auto& n : nodes_)
    if (n.present && !n.closed && n.slots != 0) most = std::max(most.value_or(0), n.memory_bytes);
  return most ? batches_.all_above(*most) : std::vector<domain::batch_id>{};
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

wait_reason lease_queue::reason_of(const waiting_wish& wish) const {
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
    wishes::iterator fresh, overtaken;
    bool ended() const { return fresh.at_end() && overtaken.at_end(); }
    const waiting_wish& take() {
      const bool from_fresh =
          overtaken.at_end() || (!fresh.at_end() && fresh.rank() < overtaken.rank());
      auto& from = from_fresh ? fresh : overtaken;
      const auto& taken = *from;
      ++from;
      return taken;
    }
  };
  std::vector<turn> turns;
  for (const auto& [name, u] : users_)
    if (u.waits()) turns.push_back({u.served, turns.size(), u.fresh.begin(), u.overtaken.begin()});
  const auto later = [](const turn& a, const turn& b) {
    return std::pair{a.served, a.number} > std::pair{b.served, b.number};
  };
  std::ranges::make_heap(turns, later);
  const auto in_a_row = quantum();
  std::vector<queue_place> found;
  std::set<domain::batch_id> seen;
  for (std::uint32_t ahead = 0; !turns.empty() && ahead < files_max; ++ahead) {
    std::ranges::pop_heap(turns, later);
    auto next = turns.back();
    turns.pop_back();
    for (std::uint64_t used = 0;; ++ahead) {
      const auto& wish = next.take();
      if (seen.insert(wish.file.batch).second)
        found.push_back({wish.file.batch, ahead, reason_of(wish)});
      used += std::max<std::uint64_t>(wish.cost, 1);
      next.served += std::max<std::uint64_t>(wish.cost, 1);
      if (next.ended() || used >= in_a_row || ahead + 1 >= files_max) break;
    }
    if (next.ended()) continue;
    turns.push_back(next);
    std::ranges::push_heap(turns, later);
  }
  return found;
}

std::optional<wait_reason> lease_queue::waits_for(const domain::batch_id& batch) const {
  const auto* name = batches_.user_of(batch);
  const auto of_user = name != nullptr ? users_.find(*name) : users_.end();
  if (of_user == users_.end()) return std::nullopt;
  auto first = of_user->second.fresh.first_of(batch);
  const auto overtaken = of_user->second.overtaken.first_of(batch);
  if (overtaken && (!first || overtaken->rank() < first->rank())) first = overtaken;
  return first ? std::optional{reason_of(**first)} : std::nullopt;
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
