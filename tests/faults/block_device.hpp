// A file system of a test's own, in a file: it can be filled, and its power can be cut.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace darkroom::tests {

class block_device {
public:
  // ext4 in a sparse file in `folder`; null where that is not allowed.
  static std::unique_ptr<block_device> make(const std::string& folder, std::uint64_t bytes);
  ~block_device();
  block_device(const block_device&) = delete;
  block_device& operator=(const block_device&) = delete;

  const std::string& path() const { return mounted_at_; }
  // From here on nothing reaches the disk any more, not even the file system's own journal.
  bool cut_power() const;
  // Takes it away and mounts it again, as after a reboot. Nobody may be using it.
  bool reboot();
  // Only while nobody has a file open for writing.
  bool set_read_only(bool read_only) const;

private:
  block_device(std::string image, std::string at)
      : image_(std::move(image)), mounted_at_(std::move(at)) {}
  bool mount() const;
  bool can_be_written() const;
  std::string image_, mounted_at_;
};

} // namespace darkroom::tests
