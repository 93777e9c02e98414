// What a process makes of the environment that it was started in, before it has a thread. Nothing
// that is inherited is trusted: descriptors, signals, limits, the mask of new files.
#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

namespace darkroom::app {

// First of all in `main`: what is opened while one of the descriptors 0 to 2 is closed would get
// its number, and what is printed would go there. /dev/null takes the place of those.
void open_standard_descriptors();

// Only the user of this process may read new files: they belong to the server's users.
void make_files_private();

// What a process that works for long will need.
struct process_needs {
  std::size_t threads = 0; // and other processes, together
  // Beside those of connections: usually, and with a short journal and little work.
  std::size_t descriptors = 0, descriptors_least = 0;
  std::size_t connections = 0; // that are wanted
};

process_needs needs_of_server(const config::settings& settings, std::size_t slots);
// Of a worker, and of `convert`.
process_needs needs_of_conversions(std::size_t slots);

// What it gets.
struct process_means {
  std::size_t connections = 0;       // that there are descriptors for
  std::vector<std::string> warnings; // what is missing, but not needed; a sentence each
};

// The one check of the environment at a start: raises what may be raised, and tries what cannot be
// asked. The error is a sentence that names what is missing and how to get it.
base::result<process_means, std::string> prepare_process(const process_needs& needs);

// What SIGHUP means to this process: nothing when it was inherited as ignored (nohup); the end with
// a terminal, which was closed; without one it is for the settings to be read again.
enum class hangup : std::uint8_t { ignored, ends, reloads };
hangup hangup_of_process();

// The signals that ask a process to end.
sigset_t end_signals();

} // namespace darkroom::app
