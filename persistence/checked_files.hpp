// A cache of verified blobs: those whose digest this process has computed, until their file
// changes.
#pragma once

#include "persistence/digest.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstring>
#include <mutex>
#include <sys/stat.h>

namespace darkroom::persistence {

// Whether a file is the same, with the same content, as far as its inode tells.
bool same_file(const struct stat& a, const struct stat& b);

// Thread-safe. Bounded; which entry is evicted first is unspecified.
class checked_files {
public:
  void add(const digest& name, const struct stat& about);
  bool has(const digest& name, const struct stat& about) const;

private:
  // A digest is as good as random.
  struct first_bytes {
    std::size_t operator()(const digest& name) const {
      std::size_t value = 0;
      std::memcpy(&value, name.data(), sizeof value);
      return value;
    }
  };
  struct file_version {
    dev_t device = 0;
    ino_t inode = 0;
    off_t bytes = 0;
    std::int64_t modified_ns = 0, changed_ns = 0;
    bool operator==(const file_version&) const = default;
  };
  static file_version version_of(const struct stat& about);
  friend bool same_file(const struct stat& a, const struct stat& b);

  mutable std::mutex mutex_;
  boost::unordered_flat_map<digest, file_version, first_bytes> files_;
};

} // namespace darkroom::persistence
