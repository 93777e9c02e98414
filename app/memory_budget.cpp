#include "app/memory_budget.hpp"

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

// The least limit of a group and of those above it. `file`: its name in each folder.
std::optional<std::uint64_t> least_limit(const std::string& root, std::string group,
                                         const std::string& file) {
  std::optional<std::uint64_t> least;
  while (true) {
    auto path = root;
    path.append(group).append(1, '/').append(file);
    if (const auto limit = read_number(path)) least = std::min(least.value_or(*limit), *limit);
    if (group.empty() || group == "/") return least;
    group.erase(group.rfind('/'));
  }
}

// cgroups(7): lines "number:controllers:path"; of version 2 number and controllers are "0" and "".
std::optional<std::uint64_t> cgroup_limit(const memory_sources& from) {
  std::ifstream in(from.own_cgroups);
  std::optional<std::uint64_t> least;
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    const auto group = line.substr(second + 1);
    std::optional<std::uint64_t> limit;
    if (controllers == ",,")
      limit = least_limit(from.cgroups, group, "memory.max");
    else if (controllers.find(",memory,") != std::string::npos)
      limit = least_limit(from.cgroups + "/memory", group, "memory.limit_in_bytes");
    if (limit) least = std::min(least.value_or(*limit), *limit);
  }
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
