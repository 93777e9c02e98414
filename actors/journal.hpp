// JOURNAL: group commit. What arrives while one group is being written makes the next group; one
// sync answers all of it.
#pragma once

#include "actors/batch_holds.hpp"
#include "actors/interfaces.hpp"
#include "actors/view_slot.hpp"
#include "actors/vitals.hpp"

#include <caf/typed_response_promise.hpp>

#include <deque>

namespace darkroom::actors {

// Opens the store; called at start and after each failed write.
using store_opener =
    std::function<persistence::journal_result<std::unique_ptr<persistence::journal_store>>()>;

// Whom the journal tells; all but the hub may be null.
struct journal_peers {
  event_hub_actor hub;
  std::shared_ptr<view_slot> views;
  std::shared_ptr<vitals> numbers;
  remover_actor remover;              // lets go of what deleted batches had
  std::shared_ptr<batch_holds> holds; // these are cleared away later
  std::uint64_t audit_days = 0;       // how long entries of the audit are kept; 0: forever
  bool detached_readers = true;       // false: in deterministic tests
};

struct journal_state {
  static inline const char* name = "journal";
  journal_state() = default; // no aggregate: CAF would initialise the first member with the actor

  struct waiting_append {
    append_events message;
    caf::strong_actor_ptr asker;
    // For records without a batch.
    std::optional<caf::typed_response_promise<records_written>> promise;
  };

  // Of a batch that is there.
  struct waiting_replay {
    replay_batch message;
    caf::typed_response_promise<batch_replayed> promise;
  };

  // A deleted batch whose records are not all cleared away.
  struct waiting_purge {
    domain::batch_id batch;
    bool release = false;
    domain::file_index from = 0;          // the next slice begins here
    domain::file_index released_upto = 0; // files before this one were handed to REMOVER
    std::uint32_t failures = 0;           // of the journal, by this slice
  };

  store_opener open;
  std::unique_ptr<persistence::journal_store> store; // null after a failed write
  journal_peers peers;
  caf::actor_addr coordinator; // told of failed writes
  std::deque<waiting_append> gathered;
  std::deque<waiting_replay> replays; // for which there is no reader yet
  std::size_t readers = 0;
  std::deque<waiting_purge> purges; // the first has its turn
  // A turn, or the answer of REMOVER before it, is on its way: there is one slice at a time, so
  // that what waits to be released does not grow with what was deleted.
  bool purge_scheduled = false;
  bool write_scheduled = false;
  bool sync_scheduled = false;
  bool witness_sync_scheduled = false;
  bool index_scheduled = false;
  // Written, but not synced and so not published yet.
  std::vector<persistence::journaled_event> unsynced;
};

// `store` is open. Blocks: spawn with `spawn_blocking`.
journal_actor::behavior_type
journal(journal_actor::stateful_pointer<journal_state> self,
        std::shared_ptr<std::unique_ptr<persistence::journal_store>> store, store_opener open,
        journal_peers peers);

} // namespace darkroom::actors
