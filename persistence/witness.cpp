#include "persistence/witness.hpp"

#include "base/decimal.hpp"
#include "persistence/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace darkroom::persistence {

namespace {

constexpr std::string_view witness_magic = "DRWITN01";
constexpr std::size_t slot_count = 2;
constexpr std::size_t slot_bytes = 4'096;
constexpr std::size_t file_entry_bytes = 24;
constexpr std::size_t head_bytes = 8 + 8 + 16 + 8 + 4 + 4;
static_assert(head_bytes + limits::witness_files_max * file_entry_bytes + 4 <= slot_bytes);

using slot_content = std::vector<std::uint8_t>;

void put_number(slot_content& to, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    to.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

std::uint64_t number_at(const std::uint8_t* from, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value |= std::uint64_t{from[i]} << 8 * i;
  return value;
}

slot_content encode_slot(const witness_record& record, std::uint64_t counter) {
  slot_content slot(witness_magic.begin(), witness_magic.end());
  put_number(slot, counter, 8);
  slot.insert(slot.end(), record.identity.begin(), record.identity.end());
  put_number(slot, record.last_seq, 8);
  put_number(slot, record.is_new ? 1 : 0, 4);
  put_number(slot, record.files.size(), 4);
  for (const auto& [file, synced] : record.files) {
    put_number(slot, static_cast<std::uint64_t>(file.kind), 4);
    put_number(slot, synced.crc32, 4);
    put_number(slot, file.number, 8);
    put_number(slot, synced.bytes, 8);
  }
  put_number(slot, crc32_of(0, slot), 4);
  return slot;
}

struct decoded_slot {
  witness_record record;
  std::uint64_t counter = 0;
};

std::optional<decoded_slot> decode_slot(std::span<const std::uint8_t> slot) {
  if (slot.size() < head_bytes + 4 ||
      !std::ranges::equal(slot.first(witness_magic.size()), witness_magic))
    return std::nullopt;
  const auto* at = slot.data() + witness_magic.size();
  const auto next = [&at](std::size_t size) {
    const auto value = number_at(at, size);
    at += size;
    return value;
  };
  decoded_slot d;
  d.counter = next(8);
  std::copy_n(at, d.record.identity.size(), d.record.identity.begin());
  at += d.record.identity.size();
  d.record.last_seq = next(8);
  const auto mark = next(4);
  const auto count = next(4);
  if (mark > 1 || count > limits::witness_files_max) return std::nullopt;
  d.record.is_new = mark == 1;
  const auto size = head_bytes + count * file_entry_bytes;
  if (slot.size() < size + 4 || crc32_of(0, slot.first(size)) != number_at(slot.data() + size, 4))
    return std::nullopt;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto kind = next(4);
    if (kind > static_cast<std::uint64_t>(tracked_kind::manifest)) return std::nullopt;
    synced_prefix there;
    there.crc32 = static_cast<std::uint32_t>(next(4));
    const tracked_file file{static_cast<tracked_kind>(kind), next(8)};
    there.bytes = next(8);
    d.record.files.emplace(file, there);
  }
  return d;
}

struct read_slots {
  decoded_slot newest;
  std::size_t index = 0;
};

// Nothing when both slots are bad.
std::optional<read_slots> read_newest(int file) {
  std::optional<read_slots> found;
  for (std::size_t i = 0; i < slot_count; ++i) {
    slot_content slot(slot_bytes);
    const auto n = ::pread(file, slot.data(), slot.size(), static_cast<off_t>(i * slot_bytes));
    if (n <= 0) continue;
    slot.resize(static_cast<std::size_t>(n));
    auto decoded = decode_slot(slot);
    if (decoded && (!found || decoded->counter > found->newest.counter))
      found = read_slots{std::move(*decoded), i};
  }
  return found;
}

journal_error unreadable_witness(const std::string& path) {
  return {journal_fault::incomplete,
          path + " is damaged: it cannot be said whether the journal is complete"};
}

journal_error io_error_of(const file_error& error) {
  return {error.disk_full() ? journal_fault::no_space : journal_fault::io, error.text()};
}

file_result<void> write_at(int file, std::span<const std::uint8_t> content, std::size_t at,
                           const std::string& path) {
  while (!content.empty()) {
    const auto n = ::pwrite(file, content.data(), content.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::unexpected(last_error("writing " + path));
    content = content.subspan(static_cast<std::size_t>(n));
    at += static_cast<std::size_t>(n);
  }
  return {};
}

} // namespace

std::optional<tracked_file> parse_tracked(const std::string& name) {
  const std::string_view text = name;
  constexpr std::string_view log = ".log", manifest = "MANIFEST-";
  if (text.ends_with(log))
    if (const auto number = base::parse_decimal(text.substr(0, text.size() - log.size())))
      return tracked_file{tracked_kind::log, *number};
  if (text.starts_with(manifest))
    if (const auto number = base::parse_decimal(text.substr(manifest.size())))
      return tracked_file{tracked_kind::manifest, *number};
  return std::nullopt;
}

std::string name_of(const tracked_file& file) {
  auto number = std::to_string(file.number);
  if (number.size() < 6) number.insert(0, 6 - number.size(), '0');
  return file.kind == tracked_kind::log ? number + ".log" : "MANIFEST-" + number;
}

std::string witness_path(const std::string& journal) {
  return journal + ".witness";
}

journal_result<std::optional<witness_record>> read_witness(const std::string& journal) {
  const auto path = witness_path(journal);
  const base::unique_fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)};
  if (!file && errno == ENOENT) return std::optional<witness_record>{};
  if (!file) return std::unexpected(io_error_of(last_error("opening " + path)));
  auto found = read_newest(file.get());
  if (!found) return std::unexpected(unreadable_witness(path));
  return std::optional(std::move(found->newest.record));
}

journal_result<void> write_witness(const std::string& journal, const witness_record& record) {
  const auto path = witness_path(journal);
  const auto part = path + ".part";
  const auto write = [&]() -> file_result<void> {
    const base::unique_fd file{
        ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!file) return std::unexpected(last_error("making " + part));
    // All of both slots: later writes must need no room on the disk.
    slot_content content(slot_count * slot_bytes);
    for (std::size_t i = 0; i < slot_count; ++i)
      std::ranges::copy(encode_slot(record, i + 1),
                        content.begin() + static_cast<std::ptrdiff_t>(i * slot_bytes));
    if (auto ok = write_at(file.get(), content, 0, part); !ok) return ok;
    if (::fsync(file.get()) != 0) return std::unexpected(last_error("syncing " + part));
    if (auto ok = rename_file(part, path, true); !ok) return ok;
    return sync_directory(parent_of(path));
  };
  if (auto ok = write(); !ok) return std::unexpected(io_error_of(ok.error()));
  return {};
}

witness::witness(base::unique_fd file, std::string path, witness_record record,
                 std::uint64_t counter, std::size_t slot)
    : file_(std::move(file)), path_(std::move(path)), record_(std::move(record)), counter_(counter),
      slot_(slot) {}

journal_result<std::unique_ptr<witness>> witness::open(const std::string& journal) {
  auto path = witness_path(journal);
  base::unique_fd file{::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)};
  if (!file) return std::unexpected(io_error_of(last_error("opening " + path)));
  auto found = read_newest(file.get());
  if (!found) return std::unexpected(unreadable_witness(path));
  // What was read may not be on disk yet: its slot is kept until another one is.
  if (::fdatasync(file.get()) != 0)
    return std::unexpected(io_error_of(last_error("syncing " + path)));
  return std::unique_ptr<witness>(
      new witness(std::move(file), std::move(path), std::move(found->newest.record),
                  found->newest.counter, (found->index + 1) % slot_count));
}

witness::~witness() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < slot_count; ++i)
    if (!write() || !sync_written()) return; // the other slot is as good as it was
}

witness_record witness::record() const {
  const std::lock_guard lock(mutex_);
  return record_;
}

file_result<void> witness::write() {
  written_ = true;
  return write_at(file_.get(), encode_slot(record_, ++counter_), slot_ * slot_bytes, path_);
}

file_result<void> witness::sync_written() {
  if (::fdatasync(file_.get()) != 0) return std::unexpected(last_error("syncing " + path_));
  slot_ = (slot_ + 1) % slot_count;
  written_ = false;
  return {};
}

file_result<void> witness::add(const tracked_file& file, const synced_prefix& there) {
  const std::lock_guard lock(mutex_);
  if (record_.files.size() >= limits::witness_files_max && !record_.files.contains(file)) {
    errno = EMFILE;
    return std::unexpected(last_error("noting one more file of the journal in " + path_));
  }
  record_.files[file] = there;
  if (auto ok = write(); !ok) return ok;
  return sync_written();
}

file_result<void> witness::remove(const tracked_file& file) {
  const std::lock_guard lock(mutex_);
  if (record_.files.erase(file) == 0) return {};
  if (auto ok = write(); !ok) return ok;
  return sync_written();
}

file_result<void> witness::clear_new() {
  const std::lock_guard lock(mutex_);
  record_.is_new = false;
  if (auto ok = write(); !ok) return ok;
  return sync_written();
}

void witness::note_synced(const tracked_file& file, const synced_prefix& there) {
  const std::lock_guard lock(mutex_);
  if (const auto at = record_.files.find(file); at != record_.files.end()) at->second = there;
}

file_result<void> witness::set_last_seq(domain::seq last) {
  const std::lock_guard lock(mutex_);
  record_.last_seq = last;
  return write();
}

file_result<void> witness::sync() {
  const std::lock_guard lock(mutex_);
  if (!written_) return {};
  return sync_written();
}

} // namespace darkroom::persistence
