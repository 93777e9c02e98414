// Blobs: files named by the SHA-256 of their content, `blobs/ab/cdef…`. The same bytes are stored
// once. A blob lives as long as an event refers to it or somebody holds a pin.
#pragma once

#include "persistence/files.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace darkroom::persistence {

class blob_store {
public:
  // Keeps a blob while it is held: from `put` until the event that refers to it is durable.
  class pin {
  public:
    pin(pin&& other) noexcept : store_(std::exchange(other.store_, nullptr)), blob_(other.blob_) {}
    pin& operator=(pin&&) = delete;
    ~pin();
    const digest& name() const { return blob_.sha256; }
    std::uint64_t bytes() const { return blob_.bytes; }

  private:
    friend class blob_store;
    pin(blob_store& store, const written_file& blob) : store_(&store), blob_(blob) {}
    blob_store* store_;
    written_file blob_;
  };

  // Opens or makes the directory. The store knows no references until it is told.
  static file_result<std::unique_ptr<blob_store>> open(std::string root);

  // Stores what `content` holds. Thread-safe; two puts of the same bytes at a time are both right.
  file_result<pin> put(int content);
  // For reading; ENOENT when there is no such blob.
  file_result<codecs::unique_fd> open_blob(const digest& name) const;

  // What events refer to: told once for each at start, then as events become durable.
  void add_reference(const digest& name);
  // Removes the blob with its last reference, if nobody holds a pin.
  void drop_reference(const digest& name);

  // Removes what nothing refers to: strays of a crash. Blobs written since the store was opened are
  // not touched. Returns how many it removed.
  file_result<std::size_t> sweep();

  std::string path_of(const digest& name) const;

private:
  struct uses {
    std::uint64_t references = 0;
    std::uint32_t pins = 0;
  };
  explicit blob_store(std::string root) : root_(std::move(root)) {}
  void unpin(const digest& name);
  void remove_if_unused(std::map<digest, uses>::iterator at);

  std::string root_;
  std::int64_t opened_s_ = 0; // file system time
  mutable std::mutex mutex_;
  std::map<digest, uses> uses_;
  std::uint64_t next_part_ = 0;
};

} // namespace darkroom::persistence
