// JOURNAL: group commit. What arrives while one group is being written makes the next group; one
// sync answers all of it.
#pragma once

#include "actors/interfaces.hpp"

#include <deque>

namespace darkroom::actors {

// Opens the store; called at start and after each failed write.
using store_opener =
    std::function<persistence::journal_result<std::unique_ptr<persistence::journal_store>>()>;

struct journal_state {
  static inline const char* name = "journal";
  journal_state() = default; // no aggregate: CAF would initialise the first member with the actor

  struct waiting_append {
    append_events message;
    caf::strong_actor_ptr asker;
  };

  store_opener open;
  std::unique_ptr<persistence::journal_store> store; // null after a failed write
  event_hub_actor hub;
  caf::actor_addr coordinator; // told of failed writes
  std::deque<waiting_append> gathered;
  bool write_scheduled = false;
  bool sync_scheduled = false;
  // Written, but not synced and so not published yet.
  std::vector<persistence::journaled_event> unsynced;
};

// `store` is open. Spawn detached, except in deterministic tests.
journal_actor::behavior_type
journal(journal_actor::stateful_pointer<journal_state> self,
        std::shared_ptr<std::unique_ptr<persistence::journal_store>> store, store_opener open,
        event_hub_actor hub);

} // namespace darkroom::actors
