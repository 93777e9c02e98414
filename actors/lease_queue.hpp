// Who runs next, where: the dispatcher's rules without actors and clocks. Time is milliseconds that
// the caller tells.
//
// Users share processor time by deficit round robin (Shreedhar and Varghese, 1995): the one who was
// served least is next, and then goes on in that slot for a quantum, so that the slot's host need
// not be changed for each file; a few times the quantum on the clock ends a turn as well. A file is
// charged with its predicted cost when it is granted, with what its host used and the server takes
// beside it when it has ended, and with nothing when it never ran. Within a user, priority comes
// first, then the older batch; within a batch the costliest file, so that no long one is left for
// the end, when the other slots have nothing to do. A request that does not fit a node's free
// memory is overtaken for a while, then memory is kept for it, wherever it could run.
//
// What a grant costs hardly depends on how many wait: `wish_order`. Requests that were overtaken
// are in an index by memory as well, so that none is looked at that does not fit; that takes the
// logarithm of their number.
#pragma once

#include "actors/bounded_index.hpp"
#include "actors/lease_messages.hpp"
#include "actors/limits.hpp"
#include "actors/waiting_batches.hpp"
#include "actors/wish_order.hpp"
#include "domain/ids.hpp"

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace darkroom::actors {

struct file_key {
  domain::batch_id batch;
  domain::file_index index = 0;
  auto operator<=>(const file_key&) const = default;
};
struct hash_of_file {
  std::size_t operator()(const file_key& file) const {
    return hash_of_batch{}(file.batch) + file.index * std::size_t{0x9e3779b97f4a7c15};
  }
};

struct lease_wish {
  file_key file;
  std::string user;
  std::uint8_t priority = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t cost = 1; // microseconds of processor time, as predicted
  bool suspect = false;   // was running when the process died: after all others of its batch
  bool alone = false;     // and nothing else runs beside it
  bool small = false;     // hardly worth a journey
};

// What a node has to give.
struct node_capacity {
  std::uint32_t slots = 0;
  std::uint64_t memory_bytes = 0;
  std::uint32_t ahead = 0; // files that may wait there, so that a slot never does
  bool local = true;       // nothing travels to it
};

struct grant {
  file_key file;
  domain::lease_id lease = 0;
  std::size_t node = 0; // as `add_node` returned it
};

class lease_queue {
public:
  // `nodes_join`: nodes come and go. Then a wish that no node can hold waits for one that can.
  explicit lease_queue(bool nodes_join = false) : nodes_join_(nodes_join) {}

  std::size_t add_node(const node_capacity& capacity);
  // Its leases are over, and cost nobody anything: what ran there has to run again.
  void remove_node(std::size_t at);
  // Grants nothing there, or again.
  void close_node(std::size_t at, bool closed) { nodes_[at].closed = closed; }
  // What the server itself takes of a node's memory has changed. A wish that was possible when the
  // node was added waits for a while.
  void resize_node(std::size_t at, std::uint64_t memory_bytes);
  void close_node_until(std::size_t at, std::uint64_t ms);

  // False when no node could ever hold it. Replaces an earlier request of the file that waits.
  bool request(const lease_wish& wish);
  // False when it is not waiting (any more).
  bool withdraw(const file_key& file);
  // Of a file that waits; others are let be.
  void reprioritise(const file_key& file, std::uint8_t priority);
  // `cost`: what its host used; nothing: it counts as predicted. What another machine says counts
  // only within `measured_ratio_max` of the prediction.
  void end(domain::lease_id lease, std::optional<std::uint64_t> cost = std::nullopt);
  // Ends a lease whose file never ran. Its user is charged with nothing.
  void give_back(domain::lease_id lease);
  // What the server itself takes for one file; its user is charged with that as well.
  void set_server_cost(std::uint64_t us) { server_file_us_ = us; }
  // Never sooner than was asked for before.
  void hold_until(std::uint64_t ms, bool no_room) {
    if (ms <= held_until_ms_) return;
    held_until_ms_ = ms;
    held_for_room_ = no_room;
  }

  // How many attempts have ended or may end without being durable, and how many of them run alone:
  // a lease may be over before what came of it is on disk.
  void note_unsettled(std::uint32_t attempts, std::uint32_t alone) {
    unsettled_ = attempts;
    unsettled_alone_ = alone;
  }

  // Everything that can be granted now. Call after each change, and again at `wake_ms`.
  std::vector<grant> grant_all(std::uint64_t now_ms);
  // Wishes that have waited long enough for a node that could hold them; they wait no more.
  std::vector<file_key> take_impossible();
  // Leases that may wait on one node while a slot is free on another, and that nobody was told
  // before; only when nothing else waits.
  std::vector<grant> take_recalls();
  // When time alone would change what can be granted.
  std::optional<std::uint64_t> wake_ms() const;

  // How many of the files that wait now would be started before the first one of each batch, as far
  // as cost tells, and what that first one waits for; looks at so many files at most.
  std::vector<queue_place> places(std::size_t files_max) const;
  // What the next file of one batch waits for; nothing when none of its files waits.
  std::optional<wait_reason> waits_for(const domain::batch_id& batch) const;

  // Batches of which every waiting request needs more memory than a machine that takes files has at
  // all. Without such a machine, these are none: all are equal. A pause of a machine does not
  // count.
  std::vector<domain::batch_id> fit_nowhere() const;

  std::size_t waiting() const { return waiting_.size(); }
  std::size_t leased() const { return leases_.size(); }
  std::uint64_t memory_max_bytes() const;
  std::uint64_t memory_granted_bytes() const;
  std::uint32_t leased_on(std::size_t at) const { return nodes_[at].leased; }
  std::uint64_t memory_granted_on(std::size_t at) const { return nodes_[at].granted_bytes; }

private:
  // What a user had of a slot without a break.
  struct slot_turn {
    std::string user;
    std::uint64_t used = 0; // of cost
    std::uint64_t began_ms = 0;
  };
  struct node {
    bool present = false, closed = false, local = true;
    std::vector<slot_turn> turns = {}; // of slots whose file has ended since the last grants
    std::uint32_t slots = 0, ahead = 0, leased = 0;
    std::uint64_t memory_bytes = 0, memory_most_bytes = 0; // now; as it was added
    std::uint64_t granted_bytes = 0;
    std::uint64_t closed_until_ms = 0;
    std::uint64_t free_bytes() const {
      return memory_bytes > granted_bytes ? memory_bytes - granted_bytes : 0;
    }
  };
  // What of a `lease_wish` its place does not tell: without the user's name it is half as large.
  struct waiting_wish {
    file_key file;
    bool alone = false, small = false;
    bool overtaken = false; // it did not fit when it was its turn
    std::uint64_t memory_bytes = 0, cost = 0;
  };
  // What a wish needs of a node besides memory: two wishes with the same needs differ only in that.
  using needs = std::size_t;
  static constexpr needs needs_count = 4;
  static needs needs_of(const waiting_wish& wish) {
    return (wish.alone ? 2 : 0) + (wish.small ? 1 : 0);
  }

  using wishes = wish_order<waiting_wish>;
  struct overtaken_wish {
    wish_rank rank;
    const waiting_wish* wish;
    auto operator<=>(const overtaken_wish& other) const { return rank <=> other.rank; }
  };
  using overtaken_index = bounded_index<overtaken_wish>;
  // What a user's place among the others depends on.
  struct listing {
    std::uint64_t served = 0;
    bool fresh = false, overtaken = false;
    bool waits() const { return fresh || overtaken; }
    bool operator==(const listing&) const = default;
  };
  struct user {
    wishes fresh, overtaken;
    // The overtaken ones by their memory: all, and (alone or not) those that memory is kept for.
    std::array<overtaken_index, needs_count> by_memory;
    std::array<overtaken_index, 2> kept_for;
    std::uint64_t served = 0; // cost granted, on a scale that all users share
    std::uint32_t leases = 0;
    listing listed;
    bool waits() const { return !fresh.empty() || !overtaken.empty(); }
  };
  using user_map = std::map<std::string, user>;
  // Users by what they were served, then by name.
  using service_order = std::set<std::pair<std::uint64_t, std::string>>;
  // What can be granted now: of each kind of needs the most memory that a node has.
  using most_memory = std::array<std::optional<std::uint64_t>, needs_count>;
  struct aging_wish {
    std::uint64_t since_ms;
    file_key file;
    std::uint64_t number; // of its rank
  };
  struct lease {
    std::size_t node;
    std::uint64_t memory_bytes;
    bool alone;
    bool recalled;
    file_key file;
    slot_turn turn;
    std::uint64_t cost; // that its user was charged with
  };

  // Where a wish lies. Users who wait stay where they are.
  struct waiting_place {
    user_map::iterator user;
    wishes::place place;
  };
  using waiting_map = boost::unordered_flat_map<file_key, waiting_place, hash_of_file>;

  void forget(const waiting_map::iterator& at);
  void forget_users();
  void list(user_map::iterator at);
  void overtake(user_map::iterator at, const waiting_wish& wish);
  void keep_memory_for_old(std::uint64_t now_ms);
  std::optional<grant> grant_one();
  bool grant_overtaken(std::vector<bool>& kept, std::uint64_t served_max,
                       std::optional<grant>& granted);
  std::optional<grant> continue_turn(const std::vector<bool>& kept);
  std::uint64_t quantum() const;
  std::uint64_t charge(const lease& l, std::optional<std::uint64_t> measured) const;
  void correct_charge(const lease& l, std::uint64_t cost);
  void release(std::map<domain::lease_id, lease>::iterator at, std::uint64_t turn_used);
  bool can_use(const node& n, bool stays, bool alone) const;
  bool small_files_stay() const;
  most_memory most_memory_of(const std::vector<bool>& kept) const;
  bool open(const node& n) const { return n.present && !n.closed && now_ms_ >= n.closed_until_ms; }
  // `kept`: nodes whose memory somebody else waits for.
  std::optional<std::size_t> node_for(const waiting_wish& wish,
                                      const std::vector<bool>& kept) const;
  void note_oversized(const waiting_wish& wish);
  void note_all_oversized();
  slot_turn new_turn(const std::string& name) const { return {name, 0, now_ms_}; }
  bool over(const slot_turn& turn) const;
  grant give(user_map::iterator at, const waiting_wish& wish, std::size_t node, slot_turn turn);
  bool running_alone() const { return unsettled_alone_ != 0 || leases_alone_ != 0; }
  wait_reason reason_of(const waiting_wish& wish) const;

  std::vector<node> nodes_;
  user_map users_;
  service_order with_fresh_, with_overtaken_;
  std::deque<aging_wish> aging_; // overtaken, the oldest first
  waiting_map waiting_;
  waiting_batches batches_;
  std::map<domain::lease_id, lease> leases_;
  std::size_t leases_alone_ = 0;
  // Wishes that no present node can hold, and since when.
  std::map<file_key, std::optional<std::uint64_t>> oversized_;
  bool nodes_join_;
  domain::lease_id next_lease_ = 1;
  std::uint64_t next_number_ = 0;
  std::uint64_t held_until_ms_ = 0;
  bool held_for_room_ = false;
  std::uint32_t unsettled_ = 0, unsettled_alone_ = 0;
  std::uint64_t server_file_us_ = limits::server_file_us;
  std::uint64_t now_ms_ = 0;
  std::size_t users_waiting_ = 0;
  std::uint64_t begin_at_ = 0; // what a user counts as served who comes (back): never falls
  std::size_t users_kept_ = 0; // after the last time that some were forgotten
};

} // namespace darkroom::actors
