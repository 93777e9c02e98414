// Control groups of this process, as cgroups(7) has them: versions 1 and 2.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace darkroom::app {

// Where the system shows them; tests have folders of their own.
struct cgroup_places {
  std::string mounted = "/sys/fs/cgroup";
  std::string own = "/proc/self/cgroup";
};

// The folder of each group with this controller that the process is in, and of all groups above it:
// every one of them limits it. `unified`: of version 2.
void each_own_cgroup(const cgroup_places& places, std::string_view controller,
                     const std::function<void(const std::string& folder, bool unified)>& visit);

// Cores that this process may keep busy: those of its affinity, and no more than the processor time
// of its control groups, rounded up. At least 1.
std::size_t usable_cores(const cgroup_places& places = {});

} // namespace darkroom::app
