// WORKER: what a machine does for a server: fetches inputs by pieces, lets its CODEC POOL convert
// them, and keeps the outputs until the server has them.
#pragma once

#include "actors/cluster/piece_pacer.hpp"
#include "actors/cluster/spool.hpp"
#include "actors/cluster/wire.hpp"
#include "actors/slot_board.hpp"

#include <deque>
#include <map>
#include <set>

namespace darkroom::actors {

struct worker_options {
  std::size_t slots = 1;
  slot_runner_factory make_runner; // reads from the spool and writes to it
  std::shared_ptr<spool> files;
  std::shared_ptr<slot_board> board;                // of these slots
  bool detached = true;                             // false: in deterministic tests
  std::function<void(const std::string&)> announce; // to who looks after the machine; may be null
  std::function<void()> left; // nothing is left after `leaving`; from any thread
};

struct worker_state {
  static inline const char* name = "worker";
  worker_state() = default; // no aggregate: CAF would initialise the first member with the actor

  struct lease {
    assign_file order;
    std::shared_ptr<domain::file_entry> entry; // as the server knows it
    std::shared_ptr<domain::conversion_spec> spec;
    work_phase phase = work_phase::fetching;
    base::unique_fd file; // the input, while it is being fetched
    std::uint64_t asked = 0, received = 0;
    std::unique_ptr<persistence::sha256> sum;
    bool dropped = false; // the server wants it no more; its slot is not free yet
  };
  struct pull {
    domain::lease_id lease = 0;
    std::chrono::steady_clock::time_point since;
  };
  worker_options options;
  caf::actor_addr node;
  codec_pool_actor pool;
  std::map<domain::lease_id, lease> leases; // older ones first
  std::deque<pull> pulls;                   // on their way
  piece_pacer pacer;
  std::set<domain::lease_id> in_slots; // as the pool sees it
  std::vector<file_position> told;
  std::chrono::steady_clock::time_point told_at;
  bool leaves = false;
  std::optional<std::chrono::steady_clock::time_point> fault_told_at; // of the disk
};

// Blocks: spawn with `spawn_blocking`.
worker_actor::behavior_type worker(worker_actor::stateful_pointer<worker_state> self,
                                   worker_options options);

} // namespace darkroom::actors
