// The witness of a journal: a small file beside it that says what the journal must hold. RocksDB
// takes a missing log for an empty one and a shortened MANIFEST for an older one: it opens such a
// journal without an error, and whatever only the lost part refers to looks like garbage. The
// witness makes the loss visible.
//
// Format of the file `JOURNAL.witness` (numbers are little-endian): two slots of 4,096 bytes, of
// which the valid one with the higher counter counts. A slot:
//
//   magic "DRWITN01" · counter (8) · identity (16) · last seq (8) · mark (4) · number of files (4)
//   · files: kind (4), CRC-32 (4), number (8), length (8) each · CRC-32 of all before (4)
//
// What is recorded of a file is always on disk already: the witness is never ahead of the journal.
#pragma once

#include "domain/ids.hpp"
#include "persistence/files.hpp"
#include "persistence/journal_error.hpp"

#include <array>
#include <map>
#include <mutex>
#include <string>

namespace darkroom::persistence {

// Random; under a meta key of the journal as well.
using journal_identity = std::array<std::uint8_t, 16>;

// RocksDB's files of which a part must be there, by the number in their name.
enum class tracked_kind : std::uint8_t { log, manifest };

struct tracked_file {
  tracked_kind kind = tracked_kind::log;
  std::uint64_t number = 0;
  auto operator<=>(const tracked_file&) const = default;
};

// Of a file name without its folder, "000012.log" or "MANIFEST-000011"; nothing for other files.
std::optional<tracked_file> parse_tracked(const std::string& name);
std::string name_of(const tracked_file& file);

// The first bytes of a file, which were synced.
struct synced_prefix {
  std::uint64_t bytes = 0;
  std::uint32_t crc32 = 0;
  bool operator==(const synced_prefix&) const = default;
};

struct witness_record {
  journal_identity identity{};
  // Everything up to this seq was synced.
  domain::seq last_seq = 0;
  // The journal does not have its identity yet: a first start, or an upgrade, was interrupted.
  bool is_new = false;
  std::map<tracked_file, synced_prefix> files;
  bool operator==(const witness_record&) const = default;
};

std::string witness_path(const std::string& journal);

// Nothing when there is none. The error says that what is there cannot be read.
journal_result<std::optional<witness_record>> read_witness(const std::string& journal);

// Replaces the witness by another one, all of it synced; never leaves half of one.
journal_result<void> write_witness(const std::string& journal, const witness_record& record);

// The witness of an open journal. Thread-safe.
class witness {
public:
  // Of a journal that has one already.
  static journal_result<std::unique_ptr<witness>> open(const std::string& journal);
  // Writes the last state into both slots, so that damage to one of them is harmless.
  ~witness();
  witness(const witness&) = delete;
  witness& operator=(const witness&) = delete;

  witness_record record() const;

  // Durable when they return: before the file is used, and before it is removed.
  file_result<void> add(const tracked_file& file, const synced_prefix& there);
  file_result<void> remove(const tracked_file& file);
  file_result<void> clear_new();

  // Only noted, and written with the next `set_last_seq`.
  void note_synced(const tracked_file& file, const synced_prefix& there);
  // Written, but not synced: it survives the process at once, and a loss of power after `sync`.
  file_result<void> set_last_seq(domain::seq last);
  // Nothing to do when nothing was written since.
  file_result<void> sync();

private:
  witness(base::unique_fd file, std::string path, witness_record record, std::uint64_t counter,
          std::size_t slot);
  file_result<void> write();
  file_result<void> sync_written();

  base::unique_fd file_;
  std::string path_;
  mutable std::mutex mutex_;
  witness_record record_;
  std::uint64_t counter_;
  // The slot to write to. The other one is synced and stays as it is until this one is, too.
  std::size_t slot_;
  bool written_ = false;
};

} // namespace darkroom::persistence
