// What the process says when it ends.
#pragma once

namespace darkroom::app {

enum exit_code : int {
  exit_all = 0,   // everything was done
  exit_usage = 1, // the command line asks for what cannot be
  exit_some_failed = 2,
  exit_all_failed = 3,
  exit_interrupted = 4, // by a signal; the same command goes on
  exit_internal = 70,   // EX_SOFTWARE
  exit_output = 74,     // EX_IOERR: standard output was not written to its end
  exit_temporary = 75,  // EX_TEMPFAIL: a disk did not respond; try again
};

} // namespace darkroom::app
