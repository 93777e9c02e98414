#include "codecs/host/file_systems.hpp"

#include "base/unique_fd.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <sstream>
#include <string>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace darkroom::codecs::host {

namespace {

constexpr auto* place = "/proc"; // a directory that every system has

base::unique_fd open_directory(const char* path) {
  return base::unique_fd{::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

bool make_root(int directory) {
  return ::fchdir(directory) == 0 && ::chroot(".") == 0;
}

// A chroot ends when a mount namespace is entered, also the one that the process is in. From inside
// it, only what lies below could be unmounted, and pivot_root wants a root that is a mount.
bool go_to_namespace_root() {
  const base::unique_fd own{::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)};
  return own && ::setns(own.get(), CLONE_NEWNS) == 0;
}

bool mount_empty_directory() {
  constexpr auto flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  return ::mount("none", place, "tmpfs", flags, "size=4k,mode=0555") == 0;
}

bool pivot_to_empty_root() {
  if (!mount_empty_directory()) return false;
  if (::chdir(place) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0) {
    (void)::chdir("/");
    (void)::umount2(place, MNT_DETACH);
    return false;
  }
  (void)::umount2(".", MNT_DETACH); // the old root lies upon the new one
  return ::chdir("/") == 0;
}

std::string content_of(int file) {
  std::string text;
  char part[4'096];
  for (ssize_t n; (n = ::read(file, part, sizeof part)) > 0;)
    text.append(part, static_cast<std::size_t>(n));
  return text;
}

// As mountinfo writes it: \040 is a space.
std::string unescaped(const std::string& written) {
  std::string path;
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written[i] == '\\' && i + 3 < written.size()) {
      path += static_cast<char>(std::strtol(written.substr(i + 1, 3).c_str(), nullptr, 8));
      i += 3;
    } else {
      path += written[i];
    }
  }
  return path;
}

// In the order in which they were mounted: the fifth word of each line, see proc(5).
std::vector<std::string> mount_points(int proc) {
  const base::unique_fd file{::openat(proc, "self/mountinfo", O_RDONLY | O_CLOEXEC)};
  std::vector<std::string> found;
  if (!file) return found;
  std::istringstream lines(content_of(file.get()));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 5; ++i)
      words >> word;
    found.push_back(unescaped(word));
  }
  return found;
}

// The root itself cannot be unmounted: it stays in use, as it does for the whole system.
bool unmount_all_but_root(int proc) {
  auto points = mount_points(proc);
  bool all = !points.empty();
  std::ranges::reverse(points);
  for (const auto& point : points)
    if (point != "/") all &= ::umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
  return all;
}

bool cover_root() {
  if (!mount_empty_directory() || ::chdir(place) != 0) return false;
  // Over the root for what enters the namespace later; this process needs only the chroot.
  (void)::mount(".", "/", nullptr, MS_MOVE, nullptr);
  return ::chroot(".") == 0 && ::chdir("/") == 0;
}

} // namespace

left_file_systems leave_file_systems() noexcept {
  const auto root = open_directory("/");
  // Kept: the one at the namespace's root may be another, which does not show this process.
  const auto proc = open_directory("/proc");
  if (!root || !proc) return {};
  const bool at_root = go_to_namespace_root();
  // Private, or others would see their disks unmounted.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    (void)make_root(root.get());
    return {};
  }
  if (pivot_to_empty_root()) return {.empty_root = true, .mounts_released = at_root};
  left_file_systems left;
  left.mounts_released = unmount_all_but_root(proc.get()) && at_root;
  left.empty_root = cover_root();
  if (!left.empty_root) (void)make_root(root.get());
  return left;
}

} // namespace darkroom::codecs::host
