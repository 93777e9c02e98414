// What a journal says of itself.
#pragma once

#include "domain/ids.hpp"
#include "persistence/journal_error.hpp"
#include "persistence/witness.hpp"

#include <optional>

namespace darkroom::persistence {

class database;

struct journal_meta {
  std::optional<std::uint32_t> format; // nothing: the journal has just been made
  domain::seq last_seq = 0;            // that was given out
  std::int64_t last_time_us = 0; // of all events; 0: not noted, as by older versions and by salvage
  std::optional<journal_identity> identity;
};

// A format that this version does not know is the error `newer`.
journal_result<journal_meta> read_meta(database& db);

} // namespace darkroom::persistence
