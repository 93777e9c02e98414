#include "block_device.hpp"

#include "tests/app/process.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <linux/types.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

namespace darkroom::tests {

namespace {

bool run(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

} // namespace

std::unique_ptr<block_device> block_device::make(const std::string& folder, std::uint64_t bytes) {
  if (::geteuid() != 0) return nullptr;
  const auto image = folder + "/disk.img", at = folder + "/disk";
  const int file = ::open(image.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return nullptr;
  const bool sized = ::ftruncate(file, static_cast<off_t>(bytes)) == 0;
  ::close(file);
  std::filesystem::create_directories(at);
  if (!sized || !run("PATH=$PATH:/usr/sbin:/sbin mkfs.ext4 -q -F -m 0 " + image)) return nullptr;
  std::unique_ptr<block_device> made(new block_device(image, at));
  return made->mount() ? std::move(made) : nullptr;
}

block_device::~block_device() {
  ::umount2(mounted_at_.c_str(), MNT_DETACH);
}

bool block_device::mount() const {
  return run("mount -o loop " + image_ + ' ' + mounted_at_);
}

bool block_device::can_be_written() const {
  const auto path = mounted_at_ + "/.alive";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const bool written = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  return written && ::unlink(path.c_str()) == 0;
}

bool block_device::cut_power() const {
  const int directory = ::open(mounted_at_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return false;
  __u32 without_flush = 2; // EXT4_GOING_FLAGS_NOLOGFLUSH, of the kernel's fs/ext4/ext4.h
  const bool cut = ::ioctl(directory, _IOR('X', 125, __u32), &without_flush) == 0;
  ::close(directory);
  return cut;
}

bool block_device::reboot() {
  // Processes that have ended may hold on to it for a moment, in namespaces of their own.
  // What is mounted while they do is the old, dead file system once more.
  return comes_true([this] { return ::umount2(mounted_at_.c_str(), 0) == 0; }) &&
         comes_true([this] {
           if (!mount()) return false;
           if (can_be_written()) return true;
           ::umount2(mounted_at_.c_str(), 0);
           return false;
         });
}

bool block_device::set_read_only(bool read_only) const {
  return ::mount(nullptr, mounted_at_.c_str(), nullptr, MS_REMOUNT | (read_only ? MS_RDONLY : 0),
                 nullptr) == 0;
}

} // namespace darkroom::tests
