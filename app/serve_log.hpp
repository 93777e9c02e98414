// The server's log: lines on standard error, or in a file that is opened again on a reload, so that
// logrotate and the like can move it away.
#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace spdlog::sinks {
class sink;
}

namespace darkroom::app {

// Where lines go. Opened apart from its use, so that what cannot be opened changes nothing.
struct log_target {
  std::shared_ptr<spdlog::sinks::sink> sink;
};

// Opens what `log.file` names, at its end, made with mode 0600; empty: standard error. Only a
// regular file: the thread of the log would wait at a pipe or a terminal. The error is a sentence.
base::result<log_target, std::string> open_log_target(const config::log_settings& settings);

// How many lines were dropped because they could not be written as fast as they came.
std::uint64_t log_lines_dropped();

// Writes the lines that wait, for a moment, and no later ones. At the end of the process.
void close_log();

// All later lines go there, with this level. From any thread; lines under way go to either.
void use_log(log_target target, const config::log_settings& settings);

} // namespace darkroom::app
