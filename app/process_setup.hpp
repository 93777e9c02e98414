// What every process that serves for long sets up before it has a thread.
#pragma once

#include <csignal>

namespace darkroom::app {

// A connection is a descriptor, a file on its way one more.
void allow_many_descriptors();

// The signals that ask a process to end.
sigset_t end_signals();

} // namespace darkroom::app
