// How much memory is taken where nobody says how much.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace darkroom::app {

// Where the system tells of its memory; tests have folders of their own.
struct memory_sources {
  std::string cgroups = "/sys/fs/cgroup";
  std::string own_cgroups = "/proc/self/cgroup";
  std::string meminfo = "/proc/meminfo";
};

// In bytes: the least of 1 GiB, three quarters of what the control groups of this process allow
// (versions 1 and 2, each with all groups above), and three quarters of what is available now. At
// least `limits::memory_budget_min_bytes`.
std::uint64_t default_memory_budget(const memory_sources& from = {});

// What this process has of its own in memory, in bytes: without files that are mapped, which the
// kernel can drop. Nothing when the system does not tell. Source: proc(5), RssAnon.
std::optional<std::uint64_t> own_memory();

} // namespace darkroom::app
