// The walls around a codec host. What was measured: libjpeg-turbo, libpng, libwebp, zimg and lcms
// need no system call that is not on the list, once they are warm.
#pragma once

#include "base/enum_names.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace darkroom::codecs::host {

// A seccomp program as the kernel takes it, built once, before any host exists.
using seccomp_program = std::vector<std::uint8_t>;

// Empty in sanitizer builds, whose runtime needs more system calls.
seccomp_program build_seccomp_program();

// What separates hosts from the rest of the system, where the system offers it. Limits, no
// privileges and no descriptors are not here: without them, there is no host.
enum class isolation_layer : std::uint8_t {
  network_namespace,
  ipc_namespace,
  uts_namespace,
  empty_root,
  released_mounts, // a disk that others unmount does not stay in use
  landlock,
  system_call_filter,
  unprivileged_user, // only root has to become one, and may be denied it
};

// A bit for each layer.
using isolation_layers = std::uint32_t;
constexpr isolation_layers bit(isolation_layer layer) {
  return isolation_layers{1} << static_cast<unsigned>(layer);
}

// Once, in the zygote: takes away network, other processes' memory and the file system as far as
// the kernel offers it. What it does not offer is left to the system-call filter of each host.
// Returns what is missing.
isolation_layers enter_namespaces() noexcept;

// What this system does not offer of the layers that `enter_walls` builds. In a process without
// threads: it tries in a child what cannot be taken back.
isolation_layers missing_walls(const seccomp_program& program) noexcept;

// Decides the CPU priority of a host: the conversions of batches run at a lower one than the
// server. Headers and previews do not, as somebody waits for them.
enum class host_role : std::uint8_t { conversion, interactive };

// What `enter_walls` cannot do without.
enum class host_wall : std::uint8_t {
  closed_descriptors,
  resource_limits,
  priority,
  no_new_privileges,
  no_files,
  user,
  no_capabilities,
  not_dumpable,
  death_with_parent,
  call_filter,
};
// A host that could not build a wall ends with this exit code plus the wall.
inline constexpr int exit_no_wall = 200;

// In a host, before its first byte of input: no privileges, no core, no descriptors but 0 to
// `last_fd`, limits, death with `parent_pid`, and the filter; all but the layers that are
// `missing`. Ends the process if another wall cannot be built.
void enter_walls(const seccomp_program& program, isolation_layers missing, host_role role,
                 std::uint64_t address_bytes_max, int last_fd, int parent_pid) noexcept;

// Behind the walls: how much address space the next job may have. Only downwards of what
// `enter_walls` set; the parent could not do it from outside without privileges.
void limit_address_space(std::uint64_t bytes) noexcept;

} // namespace darkroom::codecs::host

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::codecs::host::isolation_layer> =
    darkroom::base::names("network namespace", "IPC namespace", "UTS namespace",
                          "empty root directory", "release of mounts", "Landlock",
                          "system-call filter", "unprivileged user");
template<>
inline constexpr auto darkroom::base::enum_names<darkroom::codecs::host::host_wall> =
    darkroom::base::names("closing of inherited descriptors", "resource limits", "CPU priority",
                          "no_new_privs", "Landlock", "change of user", "drop of capabilities",
                          "PR_SET_DUMPABLE", "PR_SET_PDEATHSIG", "system-call filter");
