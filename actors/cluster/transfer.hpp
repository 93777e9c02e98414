// TRANSFER: the bytes of a node's files, on the server's side: reads inputs for the worker, fetches
// outputs from it, compares them with what it said they are, and puts them on disk.
#pragma once

#include "actors/cluster/piece_pacer.hpp"
#include "actors/cluster/wire.hpp"
#include "actors/source_opener.hpp"

#include <chrono>
#include <deque>
#include <map>

namespace darkroom::actors {

struct transfer_options {
  source_opener open_source;
  std::shared_ptr<persistence::output_store> outputs;
};

struct transfer_state {
  static inline const char* name = "transfer";
  transfer_state() = default; // no aggregate: CAF would initialise the first member with the actor

  struct input {
    std::shared_ptr<const domain::file_entry> entry;
    base::unique_fd file; // opened at the first piece
    bool failed = false;
    std::uint64_t sent = 0; // bytes, in order: each goes once
  };
  struct fetch {
    fetch_outputs order;
    bool begun = false;
    std::vector<base::unique_fd> files; // one for each output
    std::uint32_t output = 0;           // asked for next
    std::uint64_t asked = 0;            // of that output
    std::uint32_t receiving = 0;        // comes next
    std::uint64_t received = 0;         // of that output
  };
  struct pull {
    domain::lease_id lease = 0;
    std::uint32_t bytes = 0;
    std::chrono::steady_clock::time_point since;
  };
  transfer_options options;
  worker_actor worker;
  caf::actor_addr node;
  std::map<domain::lease_id, input> inputs;
  std::map<domain::lease_id, fetch> fetches; // in the order of their leases
  std::uint64_t fetching_bytes = 0;
  std::deque<pull> pulls; // on their way; answers come in this order
  piece_pacer pacer;
  std::chrono::steady_clock::time_point heard_at; // the last piece of an output
};

// Blocks: spawn with `try_spawn_blocking`.
transfer_actor::behavior_type transfer(transfer_actor::stateful_pointer<transfer_state> self,
                                       transfer_options options, worker_actor worker);

} // namespace darkroom::actors
