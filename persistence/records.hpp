// What is read from the journal.
#pragma once

#include "domain/batch_state.hpp"

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
  bool operator==(const journaled_event&) const = default;
};

using outcome = std::variant<std::monostate, domain::file_completed, domain::file_failed,
                             domain::file_retry_scheduled>;

// A file with the latest of its results.
struct file_record {
  domain::file_index index = 0;
  domain::file_entry entry;
  outcome result;
};

struct batch_summary {
  domain::batch_id id;
  domain::seq seq = 0;
  std::int64_t created_us = 0, changed_us = 0;
  std::string owner, name;
  domain::conversion_spec spec;
  domain::batch_phase phase = domain::batch_phase::absent;
  std::uint8_t priority = 0;
  domain::status_counts counts{};
  std::uint64_t bytes_in = 0, bytes_out = 0;
  bool operator==(const batch_summary&) const = default;
};

// The state of a batch as of one of its events.
struct positioned_state {
  domain::seq seq = 0;
  domain::batch_state state;
};

} // namespace darkroom::persistence
