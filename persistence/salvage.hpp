// What can still be read of a damaged journal.
#pragma once

#include "persistence/journal_error.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace darkroom::persistence {

struct salvage_report {
  std::vector<std::string> lost;                    // what cannot be read: one sentence each
  std::size_t batches = 0, events = 0, records = 0; // that can be: audit and tokens are records
};

// Says what a damaged journal has lost. Changes nothing.
journal_result<salvage_report> examine_damage(const std::string& journal);

// Writes what can be read into a new journal in the folder `to`, which is not there yet: of each
// batch its events up to the first one that is missing, and everything that is derived from them.
// With `vouched`, the new one gets a witness: that of a server needs it.
journal_result<salvage_report> salvage(const std::string& journal, const std::string& to,
                                       bool vouched);

} // namespace darkroom::persistence
