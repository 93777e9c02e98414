// What an operator does with a journal that its witness does not vouch for.
#pragma once

#include "persistence/journal_error.hpp"

#include <cstdint>
#include <string>

namespace darkroom::persistence {

// Makes a witness for a journal that has just been produced: restored or salvaged.
journal_result<void> vouch_for(const std::string& journal);

// Makes a witness for a journal as it is, and notes that in its audit: what is missing is given up.
// The journal must be readable. `now_us`: microseconds since the Unix epoch.
journal_result<void> accept_journal(const std::string& journal, std::int64_t now_us);

// Puts another journal, with its witness, in the place of one, which gets the other's place. Both
// change their places at once, then both witnesses; a call that was interrupted in between is
// completed by the next one.
journal_result<void> adopt_journal(const std::string& journal, const std::string& other);

} // namespace darkroom::persistence
