#include "app/cgroup.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <thread>

namespace darkroom::app {

namespace {

// Quota and period; version 2 has both in one file, and "max" for no limit, version 1 has -1.
double cores_of_group(const std::string& folder, bool unified) {
  double quota = 0, period = 0;
  if (unified) {
    std::ifstream in(folder + "/cpu.max");
    in >> quota >> period;
    if (!in) return 0;
  } else {
    std::ifstream quota_in(folder + "/cpu.cfs_quota_us"), period_in(folder + "/cpu.cfs_period_us");
    quota_in >> quota;
    period_in >> period;
    if (!quota_in || !period_in) return 0;
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

} // namespace

void each_own_cgroup(const cgroup_places& places, std::string_view controller,
                     const std::function<void(const std::string&, bool)>& visit) {
  // Lines "number:controllers:path"; of version 2 number and controllers are "0" and "".
  std::ifstream in(places.own);
  const auto wanted = ',' + std::string{controller} + ',';
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    const bool unified = controllers == ",,";
    if (!unified && controllers.find(wanted) == std::string::npos) continue;
    auto root = places.mounted;
    if (!unified) root.append(1, '/').append(controller);
    for (auto group = line.substr(second + 1);;) {
      visit(root + group, unified);
      const auto slash = group.rfind('/');
      if (slash == std::string::npos || group == "/") break;
      group.erase(slash);
    }
  }
}

std::size_t usable_cores(const cgroup_places& places) {
  std::size_t cores = std::max<std::size_t>(1, std::thread::hardware_concurrency());
  each_own_cgroup(places, "cpu", [&](const std::string& folder, bool unified) {
    const double allowed = cores_of_group(folder, unified);
    if (allowed > 0)
      cores = std::min(cores, static_cast<std::size_t>(std::ceil(std::min(allowed, 1e6))));
  });
  return cores;
}

} // namespace darkroom::app
