// COORDINATOR: owns the other actors' life. Replays the journal, creates and finds batches,
// rebuilds supervisors after a failed journal, and ends everything in order.
#pragma once

#include "actors/batch_supervisor.hpp"
#include "actors/calibration_board.hpp"
#include "actors/interfaces.hpp"
#include "actors/journal.hpp"
#include "actors/resting_batches.hpp"

#include <deque>
#include <set>

namespace darkroom::actors {

// What a coordinator is given; it ends all of it.
struct coordinator_parts {
  journal_actor journal;
  event_hub_actor hub;
  dispatcher_actor dispatcher;
  codec_pool_actor pool;
  placer_actor placer;
  remover_actor remover;
  supervisor_seams seams;
  std::shared_ptr<usage_board> usage; // these five may be null
  std::shared_ptr<calibration_board> calibration;
  std::shared_ptr<view_slot> views;
  std::shared_ptr<vitals> numbers;
  std::shared_ptr<attempt_counts> attempts;                                      // of all batches
  std::function<bool(std::chrono::steady_clock::time_point)> store_failed_since; // may be null
  bool detached_readers = true; // false: in deterministic tests
  std::shared_ptr<name_threads> naming_threads = std::make_shared<name_threads>(); // of all batches
};

struct coordinator_state {
  static inline const char* name = "coordinator";
  coordinator_state() =
      default; // no aggregate: CAF would initialise the first member with the actor

  coordinator_parts parts;
  std::map<domain::batch_id, batch_supervisor_actor> supervisors;
  // Ended batches in memory, the one that was used least lately first.
  std::deque<domain::batch_id> ended;
  resting_batches resting; // that have not ended
  bool rest_tick_scheduled = false;
  // What waits for a batch that is being read from the journal, or leaves the memory. `true`: it is
  // there.
  using waiting_requests = std::vector<std::function<void(bool)>>;
  std::map<domain::batch_id, waiting_requests> replaying;
  std::set<domain::batch_id> unreadable; // the last replay failed: that is not as if they were not
  std::map<domain::batch_id, waiting_requests> leaving;
  std::map<domain::batch_id, std::uint32_t> restarts; // of supervisors that died of themselves
  bool first_load = true;                             // what was running then was so at a crash
  bool loading = true;                                // requests wait until the journal is replayed
  std::vector<std::function<void()>> waiting;
  bool journal_broken = false;
  std::uint64_t journal_failures = 0;
  std::string announced_fault; // why the journal cannot be used, as operators were told
  bool ending = false;
  // Told what a person should know: a journal that fails, a disk that is full.
  std::function<void(const std::string&)> announce;
  // Told that nothing can go on: an actor that all others need has died.
  std::function<void()> give_up;
  std::optional<caf::typed_response_promise<shut_down_done>> end_promise;
  std::size_t giving_back = 0;
};

coordinator_actor::behavior_type
coordinator(coordinator_actor::stateful_pointer<coordinator_state> self, coordinator_parts parts,
            std::function<void(const std::string&)> announce, std::function<void()> give_up);

} // namespace darkroom::actors
