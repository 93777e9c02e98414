// Steps that make a file durable: what is written, synced and renamed, in this order, survives.
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "persistence/digest.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace darkroom::persistence {

// An errno, and what was being done.
struct file_error {
  int code = 0;
  std::string action;
  bool disk_full() const;
  bool no_descriptors() const; // of the process or of the system
  std::string text() const;    // "writing a.webp: No space left on device"
};

template<class T>
using file_result = base::result<T, file_error>;

file_error last_error(std::string action);

struct written_file {
  std::uint64_t bytes = 0;
  digest sha256{};
  std::uint32_t crc32 = 0; // as in a ZIP file
};

// Makes a directory and its parents; each that is new is synced into its parent.
file_result<void> make_directories(const std::string& path);

// Copies everything that `from` holds (read from its begin) into a new file, which is not synced. A
// file of that name is replaced: the name must be nobody else's.
struct open_file {
  base::unique_fd file;
  written_file content;
};
file_result<open_file> write_unsynced(int from, const std::string& path);
// The same, and syncs it.
file_result<written_file> write_synced(int from, const std::string& path);

// Syncs the whole file system of an open file or directory. False: it failed, or it is none that is
// known to do that; then each file has to be synced.
bool sync_file_system(int file);

file_result<base::unique_fd> open_for_reading(const std::string& path);

// Writes everything, going on after interruptions.
file_result<void> write_all(int fd, std::span<const std::uint8_t> bytes, const std::string& name);

// For reading and writing; it is gone when it is closed.
file_result<base::unique_fd> make_nameless_file(const std::string& directory);

file_result<void> sync_directory(const std::string& path);

// Renames within a file system. With `replace` false, an existing target is the error EEXIST.
file_result<void> rename_file(const std::string& from, const std::string& to, bool replace);

// Free for everybody, on the file system of a path; nothing when that cannot be told.
std::optional<std::uint64_t> free_bytes(const std::string& path);
// Files that can still be made there; nothing when that cannot be told, or has no limit.
std::optional<std::uint64_t> free_inodes(const std::string& path);

std::string parent_of(const std::string& path);

} // namespace darkroom::persistence
