// What is read from the journal.
#pragma once

#include "domain/batch_state.hpp"
#include "persistence/digest.hpp"

#include <optional>
#include <variant>

namespace darkroom::persistence {

// An event as it was journaled.
struct journaled_event {
  domain::batch_id batch;
  domain::seq seq = 0;
  domain::seq prev = 0; // of the same batch; 0: the first
  std::int64_t time_us = 0;
  domain::event fact;
  std::string owner; // of the batch; known only of what was just appended
};

using outcome = std::variant<std::monostate, domain::file_completed, domain::file_failed,
                             domain::file_retry_scheduled>;

// What the journal says of a blob.
struct blob_use {
  digest name{};
  std::uint64_t bytes = 0;
  auto operator<=>(const blob_use&) const = default;
};

// A file with the latest of its results.
struct file_record {
  domain::file_index index = 0;
  domain::file_entry entry;
  outcome result;
  domain::seq result_seq = 0; // of the event that told it; 0: there is none
};

struct positioned_outcome {
  domain::seq seq = 0;
  outcome result;
};

struct batch_summary : domain::batch_attributes {
  domain::batch_id id;
  domain::seq seq = 0;
  std::int64_t created_us = 0, changed_us = 0;
  std::string owner;
  domain::conversion_spec spec;
  domain::batch_phase phase = domain::batch_phase::absent;
  domain::status_counts counts{};
  std::uint64_t bytes_in = 0, bytes_out = 0;
  domain::seq command_seq = 0; // of the last event that was not about a file
  bool sealed = false;
  std::uint64_t bytes_added = 0, pixels = 0;
  std::int64_t started_us = 0, ended_us = 0;                 // the last time each; 0: not yet
  domain::file_index unplanned_from = 0, unplanned_upto = 0; // as in `batch_state`

  std::uint32_t count(domain::file_status s) const { return counts[static_cast<std::size_t>(s)]; }
  // Of a file that has not completed.
  bool awaits_names(domain::file_index i) const {
    return i >= unplanned_from && i < unplanned_upto;
  }
  // Files that have not ended.
  std::uint32_t open_files() const {
    using enum domain::file_status;
    return count(queued) + count(running) + count(retry_wait);
  }
  std::uint32_t total_files() const {
    using enum domain::file_status;
    return open_files() + count(completed) + count(failed) + count(cancelled);
  }
  bool operator==(const batch_summary&) const = default;
};

// Fills in what the state of a batch tells of it.
void describe(batch_summary& summary, const domain::batch_state& state);

// The state of a batch as of one of its events.
struct positioned_state {
  domain::seq seq = 0;
  domain::seq command_seq = 0; // of the last event that was not about a file
  std::uint64_t tail_cost = 0; // of the events after the snapshot (`domain::replay_cost`)
  domain::batch_state state;
};

} // namespace darkroom::persistence
