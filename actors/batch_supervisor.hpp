// BATCH SUPERVISOR: owns the state of one batch. Whatever happens is decided, applied to the
// working state and journaled in one step; it acts and answers when the journal has it.
#pragma once

#include "actors/attempt_counts.hpp"
#include "actors/calibration_board.hpp"
#include "actors/converter.hpp"
#include "actors/cost_forecast.hpp"
#include "actors/interfaces.hpp"
#include "actors/limits.hpp"
#include "actors/progress_rate.hpp"
#include "actors/thread_budget.hpp"
#include "actors/usage_board.hpp"
#include "actors/view_slot.hpp"
#include "actors/vitals.hpp"

#include <deque>
#include <set>

namespace darkroom::actors {

// The threads of NAME READER and NAME PLANNER.
struct name_threads {
  thread_budget readers{limits::name_readers_max}, planners{limits::name_planners_max};
};

struct supervisor_peers {
  journal_actor journal;
  converter_peers converters;
  std::shared_ptr<usage_board> usage;
  std::shared_ptr<calibration_board> calibration; // may be null
  std::shared_ptr<view_slot> views;               // where NAME READER reads
  std::shared_ptr<vitals> numbers;
  std::shared_ptr<attempt_counts> attempts; // may be null
  bool detached_readers = true;             // false: in deterministic tests
  std::shared_ptr<name_threads> naming_threads;
  caf::actor_addr coordinator;
};

// The clock and the dice of a supervisor: what goes into events comes from here.
struct supervisor_seams {
  std::function<std::int64_t()> now_us;  // since the Unix epoch
  std::function<std::uint32_t()> chance; // 0 to 65,535
};

struct batch_supervisor_state {
  static inline const char* name = "batch_supervisor";
  batch_supervisor_state() =
      default; // no aggregate: CAF would initialise the first member with the actor

  struct file_in_flight {
    converter_actor converter;
    domain::lease_id lease = 0;
    bool alone = false;
    bool local = false;                  // runs on this machine, whose speed is learnt
    std::shared_ptr<const void> attempt; // held until its end is durable
    bool outdated = false;               // knows an earlier spec: it must not run
    bool settled = false;        // has reported, or was interrupted: nothing more is expected of it
    std::int64_t started_us = 0; // 0: it does not run
  };

  domain::batch_id id;
  domain::batch_state working;
  supervisor_peers peers;
  supervisor_seams seams;
  std::int64_t created_us = 0, changed_us = 0, started_us = 0, ended_us = 0;
  domain::seq last_seq = 0, command_seq = 0; // of what the journal has
  std::size_t commands_pending = 0;          // journaled, not yet answered
  progress_rate rate;
  cost_forecast forecast;

  // Only while the batch takes files. Null: must be read first; what waits for that is done after.
  std::shared_ptr<domain::file_names> names;
  std::function<void(const names_loaded&)> after_names;
  std::optional<load_names> names_wish; // for which there is no NAME READER yet
  caf::actor_addr name_reader;          // until it has answered
  // What came meanwhile. Additions also wait until all files have the names of a changed spec.
  struct held_request {
    std::function<void()> go_on, refuse;
  };
  std::deque<held_request> held_commands, held_additions;
  name_planner_actor planner;    // while the spec's change has left files without names; else null
  std::uint32_t spec_number = 0; // rises with each change; what was asked for before is outdated

  // Which files to run next: those that came back, then the rest by index, then the suspects: what
  // was running when the process died runs last, so that it can harm nobody.
  std::deque<domain::file_index> ready;
  std::deque<domain::file_index> suspects;
  std::set<domain::file_index> fetching;
  std::map<domain::file_index, file_in_flight> in_flight;
  std::map<caf::actor_addr, domain::file_index> converters;
  std::map<domain::file_index, std::uint64_t> memory_needed;
  // Whose host was killed from outside: nothing else runs beside them.
  std::set<domain::file_index> run_alone;
  std::shared_ptr<const domain::conversion_spec> spec;

  std::multimap<std::uint64_t, domain::file_index> retries; // by when they are due, in ms
  std::optional<persistence::day_use> day; // of the owner; to be journaled with the next events

  // What waits for the journal, by ticket, in order.
  struct waiting_for_journal {
    std::uint64_t ticket = 0;
    bool durable = true;
    std::size_t commands = 0; // among its events
    std::function<void(bool durable)> then;
  };
  std::deque<waiting_for_journal> pending;
  std::uint64_t next_ticket = 1;
  std::uint64_t tail_cost = 0; // of the events after the last snapshot

  std::optional<caf::typed_response_promise<gave_back>> end_promise;

  window_share share;                  // what may be in flight
  std::optional<batch_need> told_need; // what the dispatcher knows
  domain::file_index next_index = 0;   // nothing before it is queued and not in `ready`
  bool from_journal = false; // an earlier life may have named an output without journaling it
  bool journal_lost = false; // what was decided is in doubt; this actor is about to be ended
  bool unsynced = false;     // the last events were written without sync
  bool reading_names = false;
  bool said_idle = false;
  std::optional<std::uint64_t> tick_at_ms; // the next `retry_tick`
  bool quota_tick_scheduled = false;
  bool planning_tick_scheduled = false;
  bool ending = false;
};

// `known`: of a new batch its id and when it was made; of one from the journal its summary. A new
// batch starts with an empty state; one from the journal with what replay gave back.
// `by_crash`: what was running then was so when the process died, not when its journal could not be
// written.
batch_supervisor_actor::behavior_type
batch_supervisor(batch_supervisor_actor::stateful_pointer<batch_supervisor_state> self,
                 persistence::batch_summary known,
                 std::shared_ptr<persistence::positioned_state> replayed, bool by_crash,
                 supervisor_peers peers, supervisor_seams seams);

} // namespace darkroom::actors
