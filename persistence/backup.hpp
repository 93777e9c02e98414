// A copy of a server's data in another folder: the journal first, then the blobs that it names. A
// folder that has an older copy gets what is new, and keeps no more than the new copy needs.
//
//   FOLDER/darkroom-backup   says what the folder is, and its format
//   FOLDER/journal/          as RocksDB's backup engine has it
//   FOLDER/blobs/ab/cdef…    as in a blob store
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace darkroom::persistence {

class read_view;

struct copy_progress {
  std::size_t blobs = 0, blobs_done = 0; // that the journal names
  std::uint64_t bytes_copied = 0;        // others were there already
};
using on_copy_progress = std::function<void(const copy_progress&)>;

// Makes the folder, if need be, into one that `back_up` writes to. The error is a sentence.
base::result<void, std::string> prepare_backup(const std::string& folder);

// Whether a folder has the mark of backups, of whatever format.
bool is_backup(const std::string& folder);
// Whether a folder is one that `back_up` writes to. The error is a sentence.
base::result<void, std::string> check_backup(const std::string& folder);

// Only into a prepared folder. Nothing may be removed from the blobs meanwhile. The journal is let
// go of when it is copied.
base::result<copy_progress, std::string> back_up(std::shared_ptr<const read_view> journal,
                                                 const std::string& blobs,
                                                 const std::string& folder,
                                                 const on_copy_progress& progress);

// Into a data directory whose journal and blobs are not there yet. Every blob is compared with its
// name. The error is a sentence.
base::result<copy_progress, std::string> restore(const std::string& folder,
                                                 const std::string& journal,
                                                 const std::string& blobs,
                                                 const on_copy_progress& progress);

} // namespace darkroom::persistence
