// How a process gives up every file system that is mounted in its mount namespace.
#pragma once

namespace darkroom::codecs::host {

struct left_file_systems {
  bool empty_root = false;      // the process sees an empty read-only directory and nothing else
  bool mounts_released = false; // its namespace keeps no disk in use that others unmount
};

// Only in a mount namespace of its own, and in a process without threads. Works in a chroot, below
// an initial RAM disk and where pivot_root is refused.
left_file_systems leave_file_systems() noexcept;

} // namespace darkroom::codecs::host
