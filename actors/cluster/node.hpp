// NODE: one machine, seen from the server. To DISPATCHER and CONVERTERs it is a codec pool; what it
// knows of each lease is what the worker says, and nothing that the worker says is believed
// unchecked. When the machine is lost, all its files are given back at once.
#pragma once

#include "actors/cluster/link_table.hpp"
#include "actors/cluster/transfer.hpp"
#include "actors/node_board.hpp"
#include "actors/slot_board.hpp"
#include "actors/vitals.hpp"

#include <deque>
#include <map>

namespace darkroom::actors {

struct node_options {
  std::shared_ptr<link_facts> link;
  std::shared_ptr<link_table> links;
  std::shared_ptr<node_board> nodes;
  std::shared_ptr<slot_board> slots;
  dispatcher_actor dispatcher;
  transfer_options transfers;
  bool detached = true;                 // transfers; false: in deterministic tests
  std::function<std::int64_t()> now_us; // since the Unix epoch
};

struct node_state {
  static inline const char* name = "node";
  node_state() = default; // no aggregate: CAF would initialise the first member with the actor

  struct lease {
    conversion_job job;
    converter_actor asker;
    std::size_t transfer = 0;
    bool sent = false;     // to the worker
    bool begun = false;    // in a slot there, or further
    bool fetching = false; // its outputs
    bool recalled = false;
    std::optional<std::uint64_t> cpu_us; // as the worker measured
    caf::actor_clock::time_point since;
    file_position at; // as the worker said last
    caf::actor_clock::time_point deadline;
    std::optional<std::size_t> row; // of the slot board
  };
  node_options options;
  worker_actor worker;
  std::string machine; // the node's name
  std::vector<transfer_actor> transfers;
  std::map<domain::lease_id, lease> leases;
  // Over for us, their slot not yet free.
  struct dropped_lease {
    caf::actor_clock::time_point since;
    lease_ended end; // for the dispatcher, when the slot is free
  };
  std::map<domain::lease_id, dropped_lease> dropping;
  std::deque<domain::lease_id> ended; // of which something may still come
  std::vector<std::size_t> rows;      // of the slot board, free
  caf::actor_clock::time_point echo_sent;
  bool echo_back = true;
  std::uint64_t bytes_in = 0, bytes_out = 0; // of this link, as far as they were told
  bool lost = false;
  caf::actor_clock::time_point lost_at;
  bool leaves = false; // it said so
};

node_actor::behavior_type node(node_actor::stateful_pointer<node_state> self, node_options options,
                               worker_actor worker);

} // namespace darkroom::actors
