// Thumbnails that were made once, for the next browser that shows the same file. Only a cache:
// nothing is synced, each entry is checked when it is read, and whatever goes wrong (a damaged
// entry, a full disk, a removed folder) makes it a miss. Used from any thread.
#pragma once

#include "base/unique_fd.hpp"
#include "persistence/digest.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

namespace darkroom::persistence {

class thumbnail_cache {
public:
  struct options {
    std::string folder;              // made when the first entry is stored
    std::uint64_t bytes_max = 0;     // of all entries; the least recently used give way. 0: none
    std::uint64_t disk_free_min = 0; // with less free disk, nothing is stored
  };
  struct picture {
    std::shared_ptr<base::unique_fd> file; // stays readable when the entry is removed
    std::uint64_t first = 0, length = 0;   // where in it the picture is, in bytes
  };

  explicit thumbnail_cache(options o) : options_(std::move(o)) {}

  // What a thumbnail is found by. `owner`: of the batch; otherwise the time of an answer would tell
  // that another owner has the same file.
  static digest key_of(const std::string& owner, const std::string& source_sha256,
                       std::uint32_t width);

  // Both read and write files. Nothing: a miss.
  std::optional<picture> find(const digest& key);
  void store(const digest& key, std::span<const std::uint8_t> bytes);

  std::uint64_t bytes();
  std::size_t entries();

private:
  struct entry {
    digest key;
    std::uint64_t bytes = 0;
  };
  using position = std::list<entry>::iterator;

  std::string path_of(const digest& key) const;
  std::string new_temporary();
  void load();
  void add(const digest& key, std::uint64_t bytes);
  void forget(const digest& key);
  void forget_all();
  void make_space(std::uint64_t bytes);

  const options options_;
  std::mutex mutex_; // of all that follows; not held while a file's content is read or written
  bool loaded_ = false;
  std::list<entry> used_; // the most recently used first
  std::map<digest, position> index_;
  std::uint64_t bytes_ = 0;
  std::uint64_t next_temporary_ = 0;
};

} // namespace darkroom::persistence
