// Scrubbing: all blobs are read again at a low rate, to detect damage before a blob is needed.
#pragma once

#include "persistence/blob_store.hpp"

#include <cstdint>
#include <functional>

namespace darkroom::persistence {

// A blob store has 256 folders, and a period 256 parts; in each part one folder is due. So nothing
// has to be remembered over a restart. The order changes with each period: a server that is stopped
// every night would miss the same folders for ever.
class scrub_schedule {
public:
  static constexpr unsigned folders = 256;
  explicit scrub_schedule(std::int64_t period_s) : period_s_(period_s) {}
  // The number of the part in which a time lies, in seconds since the Unix epoch, and its folder.
  std::int64_t part_at(std::int64_t now_s) const;
  static unsigned folder_of(std::int64_t part);

private:
  std::int64_t period_s_;
};

struct scrubbed {
  std::size_t blobs = 0, damaged = 0;
  std::uint64_t bytes = 0;
};

// Reads every blob in one folder. `go_on` is called after each with how many bytes it had; false
// ends it. What cannot be read is passed over: it may just have been deleted.
scrubbed scrub_folder(blob_store& blobs, unsigned folder,
                      const std::function<bool(std::uint64_t bytes)>& go_on);

} // namespace darkroom::persistence
