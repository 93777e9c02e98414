// A sorted list of blobs that takes little memory however long it is: sorted runs go to a nameless
// file, and are merged while they are read (external merge sort).
#pragma once

#include "base/unique_fd.hpp"
#include "persistence/files.hpp"
#include "persistence/records.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace darkroom::persistence {

class blob_list {
public:
  // `scratch`: a directory with room for 40 bytes for each entry.
  explicit blob_list(std::string scratch) : scratch_(std::move(scratch)) {}

  void add(const blob_use& use);
  // Once, after the last `add`. The error may be of an `add`.
  file_result<void> sort();

  // Entries in order, by name and then by size; each once. The list outlives the cursor.
  class cursor {
  public:
    explicit cursor(const blob_list& list);
    cursor(const cursor&) = delete;
    cursor& operator=(const cursor&) = delete;
    // Nothing after the last one.
    file_result<std::optional<blob_use>> next();

  private:
    struct run_reader {
      std::vector<blob_use> read;
      std::size_t at = 0;
      std::uint64_t from = 0, to = 0; // what is left of the run in the file, in entries
    };
    file_result<void> fill(run_reader& from) const;
    file_result<std::optional<blob_use>> least();
    static bool later(const run_reader* a, const run_reader* b) {
      return b->read[b->at] < a->read[a->at];
    }

    const blob_list& list_;
    std::vector<run_reader> sources_;
    std::vector<run_reader*> heap_; // those with an entry; the least first
    std::optional<blob_use> last_;
  };

private:
  file_result<void> write_run();

  std::string scratch_;
  std::vector<blob_use> run_;
  base::unique_fd file_;
  std::vector<std::uint64_t> ends_; // of the runs in the file, in entries
  std::optional<file_error> failed_;
};

// Every file under a blob store's directory whose name is not in the list.
file_result<void> each_unlisted(const std::string& blobs, const blob_list& list,
                                const std::function<void(const std::string& path)>& visit);

} // namespace darkroom::persistence
