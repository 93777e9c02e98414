// A copy of a server's data in another folder: the journal first, then the blobs that it names. A
// folder that has an older copy gets what is new, and keeps no more than the new copy needs.
//
//   FOLDER/darkroom-backup   three lines: the format; the copy that is whole; the folder of blobs
//                            that is verified next
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
struct data_report;

struct copy_progress {
  std::size_t blobs = 0, blobs_done = 0; // that the journal names
  std::uint64_t bytes_copied = 0;        // others were there already
  std::size_t verified = 0;              // of those: read again and compared with their names
  std::size_t replaced = 0;              // were there, but damaged
};
using on_copy_progress = std::function<void(const copy_progress&)>;

// Makes the folder, if need be, into one that `back_up` writes to. The error is a sentence.
base::result<void, std::string> prepare_backup(const std::string& folder);

// Whether a folder has the mark of backups, of whatever format.
bool is_backup(const std::string& folder);
// Whether a folder is one that `back_up` writes to. The error is a sentence.
base::result<void, std::string> check_backup(const std::string& folder);

// Only into a prepared folder. Nothing may be removed from the blobs meanwhile. The journal is let
// go of when it is copied. What is copied is read back; of the blobs that were there already, a
// part that moves on with each run is read again, or all of them. Damaged ones are copied again.
base::result<copy_progress, std::string> back_up(std::shared_ptr<const read_view> journal,
                                                 const std::string& blobs,
                                                 const std::string& folder, bool verify_all,
                                                 const on_copy_progress& progress);

// The whole copy against itself, as `check_data` does. What an interrupted run left is no stray.
// The error is a sentence.
base::result<data_report, std::string> check_backup_data(const std::string& folder, bool contents);

// Into a data directory whose journal and blobs are not there yet. Every blob is compared with its
// name. The error is a sentence.
base::result<copy_progress, std::string> restore(const std::string& folder,
                                                 const std::string& journal,
                                                 const std::string& blobs,
                                                 const on_copy_progress& progress);

} // namespace darkroom::persistence
