// Blobs: files named by the SHA-256 of their content, `blobs/ab/cdef…`. The same bytes are stored
// once. A blob lives as long as an event refers to it or somebody holds a pin.
#pragma once

#include "persistence/checked_files.hpp"
#include "persistence/files.hpp"
#include "persistence/unsynced_files.hpp"

#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace darkroom::persistence {

// Where a store has the blob of this name.
std::string blob_path(const std::string& root, const digest& name);

// Bytes that have no name yet, in a file that nobody looks at; removed if nobody takes it.
class blob_writer {
public:
  blob_writer(blob_writer&&) noexcept = default;
  blob_writer& operator=(blob_writer&&) = delete;
  ~blob_writer();

  file_result<void> add(std::span<const std::uint8_t> bytes);
  std::uint64_t bytes() const { return bytes_; }
  // Ends the content; call once, then add no more.
  digest finish();

private:
  friend class blob_store;
  blob_writer(base::unique_fd file, std::string path);
  base::unique_fd file_;
  std::string path_; // empty once it was taken
  std::unique_ptr<sha256> sum_;
  std::uint32_t crc32_ = 0;
  std::uint64_t bytes_ = 0;
  digest sha256_{};
};

class blob_store {
public:
  // Keeps a blob while it is held: from when it has its name until the event that refers to it is
  // durable, or while it is being read.
  class pin {
  public:
    pin(pin&& other) noexcept : store_(std::exchange(other.store_, nullptr)), blob_(other.blob_) {}
    pin& operator=(pin&&) = delete;
    ~pin();
    const digest& name() const { return blob_.sha256; }
    std::uint64_t bytes() const { return blob_.bytes; }
    std::uint32_t crc32() const { return blob_.crc32; }

  private:
    friend class blob_store;
    pin(blob_store& store, const written_file& blob) : store_(&store), blob_(blob) {}
    blob_store* store_;
    written_file blob_;
  };

  // A file in the store's directory, waiting for its name.
  struct part {
    std::string path;
    written_file content;
    unsynced_file unsynced = nullptr; // null: its content is synced
  };

  // Opens or makes the directory. The store knows no references until it is told.
  static file_result<std::unique_ptr<blob_store>> open(std::string root);

  // All of these are thread-safe.

  file_result<blob_writer> begin();
  // Syncs finished contents, names them and syncs the names: many at about the price of one.
  // One result for each.
  std::vector<file_result<pin>> commit(std::span<blob_writer> finished);
  // Stores what `content` holds. Two puts of the same bytes at a time are both right. An existing
  // blob is replaced, because its file may be damaged; open readers keep the old file.
  file_result<pin> put(int content);

  // `put` in two steps: first the bytes, later the syncs and the names of many.
  file_result<part> write_part(int content);
  std::vector<file_result<pin>> name_parts(std::span<const part> parts);

  // For reading; ENOENT when there is no such blob.
  file_result<base::unique_fd> open_blob(const digest& name) const;
  // Holds a blob that is there.
  file_result<pin> pin_existing(const digest& name);

  // Reads all of an open blob and compares it with its name. One that is damaged is set aside, so
  // that nobody is told that it is there, and the next upload of these bytes brings it back.
  // With `unless_known`, a blob that was read or written since the start, and whose file has not
  // changed since, is not read again.
  enum class content_state : std::uint8_t { whole, damaged };
  file_result<content_state> check_content(const digest& name, int blob, bool unless_known);
  // Called with where a damaged blob was, and where it is now. Set it before other threads come.
  using on_damaged = std::function<void(const std::string& path, const std::string& aside)>;
  void when_damaged(on_damaged told) { told_damaged_ = std::move(told); }
  std::uint64_t damaged_found() const { return damaged_found_; }

  // What events refer to: told once for each at start, then as events become durable.
  void add_reference(const digest& name);
  // Removes the blob with its last reference, if nobody holds a pin.
  void drop_reference(const digest& name);

  // Until references are known, or while a backup is made, nothing is removed: until everybody who
  // held removals has allowed them again.
  void hold_removals();
  void allow_removals();

  // Clears away what nothing refers to, as a crash leaves it: contents without a name are removed,
  // files with one are set aside (set_aside.hpp). Blobs written since the store was opened are not
  // touched.
  struct swept_files {
    std::size_t removed = 0, set_aside = 0;
  };
  file_result<swept_files> sweep();

  std::string path_of(const digest& name) const { return blob_path(root_, name); }
  const std::string& root() const { return root_; }

private:
  struct uses {
    std::uint32_t references = 0;
    std::uint32_t pins = 0;
  };
  // The first eight bytes of a digest: should two blobs ever share them, both are kept too long.
  using short_name = std::uint64_t;
  static short_name shortened(const digest& name);

  explicit blob_store(std::string root) : root_(std::move(root)) {}
  std::string next_part_path();
  file_result<void> sync_names(std::span<const part> parts) const;
  void unpin(const digest& name);
  void set_damaged_aside(const digest& name, int blob);
  // While it removes a blob, the lock is not held.
  void remove_if_unused(std::unique_lock<std::mutex>& lock, const digest& name);
  // Call before a blob of this name is used or made.
  void wait_for_removal(std::unique_lock<std::mutex>& lock, const digest& name);

  std::string root_;
  base::unique_fd directory_;
  std::int64_t opened_ns_ = 0; // file system time
  mutable std::mutex mutex_;
  boost::unordered_flat_map<short_name, uses> uses_;
  // Blobs that are being removed. A removal can take milliseconds: only uses of the same blob
  // wait for it, not all others while a batch is deleted.
  std::set<short_name> removing_;
  std::condition_variable removed_;
  checked_files checked_;
  on_damaged told_damaged_;
  std::atomic<std::uint64_t> damaged_found_ = 0;
  std::size_t removals_held_ = 0; // how often
  std::vector<digest> held_back_; // unused while removals were held
  std::uint64_t next_part_ = 0;
  unsynced_files unsynced_;
};

} // namespace darkroom::persistence
