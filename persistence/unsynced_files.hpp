// Files that were written and are synced later, many at once. They stay open until then: a file
// that is opened again may not report an error that writing it back has met meanwhile.
#pragma once

#include "persistence/files.hpp"
#include "persistence/limits.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace darkroom::persistence {

// Open; null: its content is synced.
using unsynced_file = std::shared_ptr<const base::unique_fd>;

class unsynced_files {
public:
  // Keeps a written file open, or syncs it when `unsynced_files_max` are open already. On an error
  // the file is removed. From any thread.
  file_result<unsynced_file> keep(base::unique_fd file, const std::string& path);

private:
  std::shared_ptr<std::atomic<std::uint32_t>> open_ =
      std::make_shared<std::atomic<std::uint32_t>>(0);
};

// Syncs files, those of each file system at once when they are many. One result for each.
std::vector<file_result<void>> sync_files(std::span<const unsynced_file> files);

} // namespace darkroom::persistence
