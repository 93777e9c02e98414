// Where outputs go. A slot stages an output under a temporary name; only when the batch has
// accepted the result does it get its final name.
#pragma once

#include "domain/conversion_spec.hpp"
#include "domain/ids.hpp"
#include "persistence/files.hpp"
#include "persistence/records.hpp"
#include "persistence/unsynced_files.hpp"

#include <span>
#include <string>
#include <vector>

namespace darkroom::persistence {

// An output whose bytes are written, under a name that nobody looks at.
struct staged_output {
  std::string temporary; // paths below the store's root
  std::string target;
  std::uint64_t bytes = 0;
  digest sha256{};
  std::uint32_t crc32 = 0;
  domain::existing_policy existing = domain::existing_policy::fail;
  unsynced_file unsynced = nullptr; // null: it is synced
};

enum class placement : std::uint8_t {
  placed,        // it has its name
  adopted,       // the same bytes had the name already: an earlier life got so far
  existing_kept, // something else has the name and is kept, as was asked
  exists,        // something else has the name: an error
  failed,        // see the error
};

struct placed_output {
  placement how = placement::failed;
  file_error error;
  std::uint64_t bytes = 0; // of what has the name now
  digest sha256{};
  std::uint32_t crc32 = 0;
};

class output_store {
public:
  virtual ~output_store() = default;

  // Writes; not yet synced. From any thread.
  virtual file_result<staged_output> stage(const domain::batch_id& batch, domain::file_index file,
                                           std::uint32_t output, const std::string& target,
                                           int content, domain::existing_policy existing) = 0;
  // Syncs all of them, names them, then syncs their directories once each. One result for each.
  virtual std::vector<placed_output> place(std::span<const staged_output> staged) = 0;
  virtual void discard(const staged_output& staged) = 0;
  // Takes a name that `place` gave away again: another output of the same file could not have its.
  virtual void take_back(const staged_output& staged) = 0;
  // Gives a staged output the time of change of its source, if outputs here have that. The time is
  // in nanoseconds since the Unix epoch.
  virtual file_result<void> set_time(const staged_output&, std::int64_t) { return {}; }
  // What has the name of an output now, if anything has. What is no regular file (a link, a pipe, a
  // device, a folder) is not opened and has no bytes and no digest.
  virtual std::optional<written_file> existing(const std::string& target) = 0;
  virtual bool exists(const std::string& target) = 0;
  // Removes what an interrupted attempt at a file may have left.
  virtual void sweep(const domain::batch_id& batch, domain::file_index file,
                     std::span<const std::string> targets) = 0;
  // Reads what was staged and has no name yet.
  virtual file_result<base::unique_fd> open_staged(const staged_output& staged) = 0;
  // Lets go of what belongs to a file whose batch was deleted.
  virtual void release(const file_record& file) = 0;
};

} // namespace darkroom::persistence
