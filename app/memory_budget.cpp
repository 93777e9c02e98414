#include "app/memory_budget.hpp"

#include "app/cgroup.hpp"
#include "base/units.hpp"
#include "config/limits.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

namespace darkroom::app {

namespace {

// A file with one number; nothing when there is no such file, or it says "max".
std::optional<std::uint64_t> read_number(const std::string& path) {
  std::ifstream in(path);
  std::uint64_t value = 0;
  if (!(in >> value)) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> cgroup_limit(const memory_sources& from) {
  std::optional<std::uint64_t> least;
  each_own_cgroup({from.cgroups, from.own_cgroups}, "memory",
                  [&](const std::string& folder, bool unified) {
                    const auto* file = unified ? "/memory.max" : "/memory.limit_in_bytes";
                    if (const auto limit = read_number(folder + file))
                      least = std::min(least.value_or(*limit), *limit);
                  });
  return least;
}

// A line of proc(5)'s meminfo or status: "MemAvailable:   123 kB".
std::optional<std::uint64_t> read_kib(const std::string& path, std::string_view wanted) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t kib = 0;
    if (words >> name >> kib && name == wanted) return kib * limits::KiB;
  }
  return std::nullopt;
}

} // namespace

std::uint64_t default_memory_budget(const memory_sources& from) {
  std::uint64_t budget = limits::memory_budget_default_bytes;
  for (const auto bytes : {cgroup_limit(from), read_kib(from.meminfo, "MemAvailable:")})
    if (bytes) budget = std::min(budget, *bytes / 4 * 3);
  return std::max(budget, limits::memory_budget_min_bytes);
}

std::optional<std::uint64_t> own_memory() {
  return read_kib("/proc/self/status", "RssAnon:");
}

} // namespace darkroom::app
