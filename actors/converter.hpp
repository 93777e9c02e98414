// CONVERTER: takes one file through one attempt: header, lease, start, conversion, acceptance,
// names. It reports once to its supervisor, then ends.
#pragma once

#include "actors/interfaces.hpp"
#include "actors/limits.hpp"

#include <caf/actor_clock.hpp>
#include <chrono>
#include <functional>

namespace darkroom::actors {

// Whom a converter talks to.
struct converter_peers {
  dispatcher_actor dispatcher;
  codec_pool_actor prober; // a pool that reads headers
  placer_actor placer;
  // Whether stored files could not be reached at some time since then. Null: they always can.
  std::function<bool(std::chrono::steady_clock::time_point)> store_failed_since;
  // Files up to this size are converted without a look at their header before.
  std::uint64_t unread_bytes_max = limits::unread_bytes_max;
};

struct conversion_order {
  domain::batch_id batch;
  std::string owner;
  std::uint8_t priority = 0;
  std::shared_ptr<const domain::conversion_spec> spec;
  std::shared_ptr<const domain::file_entry> file;
  domain::file_index index = 0;
  bool suspect = false;       // was running when the process died
  bool may_be_placed = false; // an earlier life may have named its outputs
  bool alone = false;
  std::uint64_t memory_bytes_min = 0; // what an earlier attempt found to be needed
};

struct converter_state {
  static inline const char* name = "converter";
  converter_state() = default; // no aggregate: CAF would initialise the first member with the actor

  enum class stage : std::uint8_t {
    probing,
    waiting,  // for a lease
    starting, // for the start to be journaled
    converting,
    offering,    // for the result to be accepted
    placing,     // for the names
    withdrawing, // wanted no more before it had a lease
    stopping,    // interrupted: the host is being ended
    doubting,    // it failed, and it may be the fault of the store
  };
  stage at = stage::probing;
  batch_supervisor_actor supervisor;
  converter_peers peers;
  conversion_order order;
  codecs::conversion_plan plan;
  bool header_read = true; // false: the plan is a guess
  lease_granted lease;
  std::uint64_t memory_bytes = 0; // asked for
  std::shared_ptr<conversion_outcome> outcome;
  codecs::codec_error doubted; // the failure
  std::chrono::steady_clock::time_point doubted_since;
  caf::actor_clock::time_point since; // when the stage began
  domain::stage_times took;
};

converter_actor::behavior_type converter(converter_actor::stateful_pointer<converter_state> self,
                                         batch_supervisor_actor supervisor, converter_peers peers,
                                         conversion_order order);

} // namespace darkroom::actors
