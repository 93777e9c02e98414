// `--memory SIZE`, of everything that works on this machine.
#pragma once

#include "app/memory_budget.hpp"
#include "app/text.hpp"
#include "base/result.hpp"
#include "base/units.hpp"
#include "config/limits.hpp"

#include <string>

namespace darkroom::app {

// In bytes; empty: what `default_memory_budget` says. The error is for the command line.
inline base::result<std::uint64_t, std::string> read_memory(const std::string& given) {
  if (given.empty()) return default_memory_budget();
  const auto bytes = parse_size(given);
  if (!bytes) return std::unexpected("--memory wants a size, as in 512MiB");
  if (*bytes < limits::memory_budget_min_bytes)
    return std::unexpected("--memory is at least " +
                           std::to_string(limits::memory_budget_min_bytes / limits::MiB) + "MiB");
  return *bytes;
}

} // namespace darkroom::app
