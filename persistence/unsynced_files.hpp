// Files that were written and are synced later, many at once. They stay open until then: a file
// that is opened again may not tell of an error that writing it back has met meanwhile.
#pragma once

#include "base/unique_fd.hpp"
#include "persistence/limits.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace darkroom::persistence {

using unsynced_file = std::shared_ptr<const base::unique_fd>;

class unsynced_files {
public:
  // Holds the file; null, and the file is left alone, when there are `unsynced_files_max`. From any
  // thread.
  unsynced_file hold(base::unique_fd& file) {
    const std::shared_ptr<const void> place{(held_->fetch_add(1), held_.get()),
                                            [held = held_](const void*) { held->fetch_sub(1); }};
    if (*held_ > limits::unsynced_files_max) return nullptr;
    const auto kept = std::make_shared<std::pair<base::unique_fd, std::shared_ptr<const void>>>(
        std::move(file), place);
    return {kept, &kept->first};
  }

private:
  std::shared_ptr<std::atomic<std::uint32_t>> held_ =
      std::make_shared<std::atomic<std::uint32_t>>(0);
};

} // namespace darkroom::persistence
