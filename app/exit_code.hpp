// What the process says when it ends.
#pragma once

#include "persistence/files.hpp"
#include "persistence/journal_error.hpp"

#include <exception>

namespace darkroom::app {

enum exit_code : int {
  exit_all = 0,   // everything was done
  exit_usage = 1, // what was asked for cannot be, here: the sentence says what to change
  exit_some_failed = 2,
  exit_all_failed = 3,
  exit_interrupted = 4, // by a signal; the same command goes on
  exit_internal = 70,   // EX_SOFTWARE: a bug, and nothing else
  exit_output = 74,     // EX_IOERR: standard output was not written to its end
  exit_temporary = 75,  // EX_TEMPFAIL: a disk, a server or the system did not respond; try again
};

// Temporary: the same may work later. Anything else needs a change first.
exit_code exit_of(const persistence::journal_error& error);
exit_code exit_of(const persistence::file_error& error);
// Of the last resort in `main`: what the system is short of is temporary, all else is a bug.
exit_code exit_of(const std::exception& error);

} // namespace darkroom::app
