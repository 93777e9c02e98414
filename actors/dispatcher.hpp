// DISPATCHER: the actor around `lease_queue`.
#pragma once

#include "actors/attempt_counts.hpp"
#include "actors/interfaces.hpp"
#include "actors/lease_queue.hpp"
#include "actors/node_board.hpp"
#include "actors/run_window.hpp"
#include "actors/server_cost.hpp"
#include "actors/stuck_batches.hpp"
#include "actors/vitals.hpp"

#include <caf/actor_addr.hpp>

namespace darkroom::actors {

struct dispatcher_options {
  std::shared_ptr<vitals> numbers;          // may be null
  std::function<bool()> has_room;           // on the disk; null: always
  std::shared_ptr<node_board> board;        // may be null
  std::shared_ptr<attempt_counts> attempts; // may be null
  bool nodes_join = false;                  // more than those that are registered at start
};

struct dispatcher_state {
  static inline const char* name = "dispatcher";
  dispatcher_state() =
      default; // no aggregate: CAF would initialise the first member with the actor

  struct node {
    std::string name;
    codec_pool_actor pool; // null: it has left
    node_capacity capacity;
  };
  lease_queue queue;
  server_cost server;
  std::vector<node> nodes;                      // as numbered by the queue
  std::map<std::string, node_steering> steered; // also of nodes that are away
  std::shared_ptr<node_board> board;
  std::shared_ptr<attempt_counts> attempts;
  std::map<file_key, converter_actor> waiting;
  // What one asker waits for or has. It is monitored as long as there is something: when it dies,
  // no other actor withdraws its request or ends its lease.
  struct claims {
    std::optional<file_key> waits_for;
    std::vector<domain::lease_id> leases;
  };
  std::map<caf::actor_addr, claims> askers;
  struct holder {
    caf::actor_addr who;
    std::size_t node; // as numbered by the queue
  };
  std::map<domain::lease_id, holder> holders;
  run_window window;
  stuck_batches stuck;
  std::map<domain::batch_id, batch_supervisor_actor> supervisors; // of batches in the window
  std::optional<std::uint64_t> woken_at_ms;
  std::shared_ptr<vitals> numbers;
  std::function<bool()> has_room;
  std::optional<std::uint64_t> looked_for_room_at_ms;
};

dispatcher_actor::behavior_type
dispatcher(dispatcher_actor::stateful_pointer<dispatcher_state> self, dispatcher_options options);

} // namespace darkroom::actors
