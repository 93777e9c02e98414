// The walls around a codec host. What was measured: libjpeg-turbo, libpng, libwebp, zimg and lcms
// need no system call that is not on the list, once they are warm.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace darkroom::codecs::host {

// A seccomp program as the kernel takes it, built once, before any host exists.
using seccomp_program = std::vector<std::uint8_t>;

// Empty in sanitizer builds, whose runtime needs more system calls.
seccomp_program build_seccomp_program();

// Once, in the zygote: takes away network, other processes' memory and the file system as far as
// the kernel offers it. What it does not offer is left to the system-call filter of each host.
void enter_namespaces() noexcept;

// In a host, before its first byte of input: no privileges, no core, no descriptors but 0 to
// `last_fd`, limits, death with `parent_pid`, and the filter. Ends the process if a wall cannot be
// built.
void enter_walls(const seccomp_program& program, std::uint64_t address_bytes_max, int last_fd,
                 int parent_pid) noexcept;

// Behind the walls: how much address space the next job may have. Only downwards of what
// `enter_walls` set; the parent could not do it from outside without privileges.
void limit_address_space(std::uint64_t bytes) noexcept;

} // namespace darkroom::codecs::host
