// The blobs of backups: copied, verified and removed.
#pragma once

#include "persistence/backup.hpp"
#include "persistence/blob_list.hpp"

namespace darkroom::persistence {

inline constexpr unsigned blob_folders = 256; // by the first byte of a name

// Which blobs that are there already are read again and compared with their names: those in
// some of the folders, from one on, around.
struct verified_part {
  unsigned first_folder = 0, folders = 0;
  bool has(const digest& name) const { return (name[0] - first_folder) % blob_folders < folders; }
};

struct copied_blobs {
  copy_progress progress;
  std::string bad; // what is said of those that could not be copied; empty: all were
};

// Copies what is not there with the right size, or turns out to be damaged. What is copied is read
// back from the disk. The error is one that keeps all from being copied.
base::result<copied_blobs, std::string> copy_blobs(const blob_list& blobs, const std::string& from,
                                                   const std::string& to,
                                                   const verified_part& verified,
                                                   const on_copy_progress& progress);

} // namespace darkroom::persistence
