// BATCH SUPERVISOR: owns the state of one batch. Whatever happens is decided, applied to the
// working state and journaled in one step; it acts and answers when the journal has it.
#pragma once

#include "actors/converter.hpp"
#include "actors/interfaces.hpp"

#include <deque>
#include <set>

namespace darkroom::actors {

struct supervisor_peers {
  journal_actor journal;
  converter_peers converters;
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
    bool settled = false; // has reported, or was interrupted: nothing more is expected of it
  };

  domain::batch_id id;
  domain::batch_state working;
  // An earlier life may have named an output without living to journal it.
  bool from_journal = false;
  supervisor_peers peers;
  supervisor_seams seams;
  std::int64_t created_us = 0, changed_us = 0;

  // Which files to run next: those that came back, then the rest by index, then the suspects: what
  // was running when the process died runs last, so that it can harm nobody.
  std::deque<domain::file_index> ready;
  domain::file_index next_index = 0;
  std::deque<domain::file_index> suspects;
  std::set<domain::file_index> fetching;
  std::map<domain::file_index, file_in_flight> in_flight;
  std::map<caf::actor_addr, domain::file_index> converters;
  std::map<domain::file_index, std::uint64_t> memory_needed;
  std::shared_ptr<const domain::conversion_spec> spec;

  std::multimap<std::uint64_t, domain::file_index> retries; // by when they are due, in ms
  bool tick_scheduled = false;

  // What waits for the journal, by ticket, in order.
  std::deque<std::pair<std::uint64_t, std::function<void(bool durable)>>> pending;
  std::uint64_t next_ticket = 1;
  std::uint64_t events_since_snapshot = 0;

  bool ending = false;
  std::optional<caf::typed_response_promise<gave_back>> end_promise;
};

// A new batch starts with an empty state; one from the journal with what replay gave back.
// `by_crash`: what was running then was so when the process died, not when its journal could not be
// written.
batch_supervisor_actor::behavior_type
batch_supervisor(batch_supervisor_actor::stateful_pointer<batch_supervisor_state> self,
                 domain::batch_id id, std::shared_ptr<persistence::positioned_state> replayed,
                 bool by_crash, std::int64_t created_us, supervisor_peers peers,
                 supervisor_seams seams);

} // namespace darkroom::actors
