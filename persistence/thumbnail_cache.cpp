#include "persistence/thumbnail_cache.hpp"

#include "base/byte_order.hpp"
#include "persistence/files.hpp"
#include "persistence/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace darkroom::persistence {

namespace {

namespace fs = std::filesystem;

// An entry: "DRT" and the version of this form, the picture's length, its CRC-32, the picture.
// Numbers are little-endian. The version also stands for how the pictures are made: raised when
// they are to look different.
constexpr std::array<std::uint8_t, 4> entry_mark{'D', 'R', 'T', 1};
constexpr std::size_t entry_header_bytes = 12;
constexpr std::string_view new_entry_prefix = "new-";

void put_u32(std::uint8_t* to, std::uint32_t value) {
  for (int i = 0; i < 4; ++i)
    to[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::optional<std::vector<std::uint8_t>> read_entry(int fd, std::size_t bytes) {
  std::vector<std::uint8_t> content(bytes);
  for (std::size_t at = 0; at < bytes;) {
    const auto n = ::pread(fd, content.data() + at, bytes - at, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    at += static_cast<std::size_t>(n);
  }
  return content;
}

// The length of the picture in an entry; nothing when the entry is damaged.
std::optional<std::uint64_t> checked_length(int fd, std::uint64_t file_bytes) {
  if (file_bytes <= entry_header_bytes ||
      file_bytes > limits::thumbnail_bytes_max + entry_header_bytes)
    return std::nullopt;
  const auto content = read_entry(fd, file_bytes);
  if (!content || !std::equal(entry_mark.begin(), entry_mark.end(), content->begin()))
    return std::nullopt;
  const std::uint32_t length = base::read_u32_le(content->data() + 4);
  const auto picture = std::span{*content}.subspan(entry_header_bytes);
  if (length != picture.size() || crc32_of(0, picture) != base::read_u32_le(content->data() + 8))
    return std::nullopt;
  return length;
}

// For the order after a restart. Not at each use: that would write to the disk for each one.
void note_use(int fd, const struct stat& now) {
  if (std::time(nullptr) - now.st_mtime < limits::thumbnail_use_noted_s) return;
  ::futimens(fd, nullptr);
}

bool write_entry(const std::string& path, std::span<const std::uint8_t> bytes, bool& no_folder) {
  const base::unique_fd file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  no_folder = !file && errno == ENOENT;
  if (!file) return false;
  std::array<std::uint8_t, entry_header_bytes> header{};
  std::ranges::copy(entry_mark, header.begin());
  put_u32(header.data() + 4, static_cast<std::uint32_t>(bytes.size()));
  put_u32(header.data() + 8, crc32_of(0, bytes));
  return write_all(file.get(), header, path) && write_all(file.get(), bytes, path);
}

} // namespace

digest thumbnail_cache::key_of(const std::string& owner, const std::string& source_sha256,
                               std::uint32_t width) {
  // The source has a fixed length, so that the owner's name, which comes last, moves nothing.
  const auto text = source_sha256 + '/' + std::to_string(width) + '/' + owner;
  sha256 sum;
  sum.add({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  return sum.finish();
}

std::string thumbnail_cache::path_of(const digest& key) const {
  return options_.folder + '/' + to_hex(key);
}

std::string thumbnail_cache::new_temporary() {
  const std::lock_guard lock(mutex_);
  load();
  return options_.folder + '/' + std::string{new_entry_prefix} + std::to_string(next_temporary_++);
}

// What an earlier life of the process left, the most recently used first.
void thumbnail_cache::load() {
  if (std::exchange(loaded_, true)) return;
  struct found {
    fs::file_time_type used;
    entry what;
  };
  std::vector<found> all;
  std::error_code error;
  for (fs::directory_iterator at(options_.folder, error), end; !error && at != end;
       at.increment(error)) {
    const auto name = at->path().filename().string();
    std::error_code gone; // an entry may be removed meanwhile
    if (const auto key = parse_hex(name)) {
      const auto bytes = at->file_size(gone);
      const auto used = gone ? fs::file_time_type{} : at->last_write_time(gone);
      if (!gone) all.push_back({used, {*key, bytes}});
    } else if (name.starts_with(new_entry_prefix)) {
      fs::remove(at->path(), gone);
    }
  }
  std::ranges::sort(all, {}, &found::used);
  for (const auto& one : all)
    add(one.what.key, one.what.bytes);
  make_space(0);
}

void thumbnail_cache::add(const digest& key, std::uint64_t bytes) {
  forget(key);
  used_.push_front({key, bytes});
  index_[key] = used_.begin();
  bytes_ += bytes;
}

void thumbnail_cache::forget(const digest& key) {
  const auto known = index_.find(key);
  if (known == index_.end()) return;
  bytes_ -= known->second->bytes;
  used_.erase(known->second);
  index_.erase(known);
}

void thumbnail_cache::forget_all() {
  used_.clear();
  index_.clear();
  bytes_ = 0;
}

// Removes what was not used for longest until this many more bytes, and one more entry, fit.
void thumbnail_cache::make_space(std::uint64_t bytes) {
  while (!used_.empty() &&
         (bytes_ + bytes > options_.bytes_max || index_.size() >= limits::thumbnails_max)) {
    const auto key = used_.back().key;
    ::unlink(path_of(key).c_str());
    forget(key);
  }
}

std::optional<thumbnail_cache::picture> thumbnail_cache::find(const digest& key) {
  if (options_.bytes_max == 0) return std::nullopt;
  {
    const std::lock_guard lock(mutex_);
    load();
    const auto known = index_.find(key);
    if (known == index_.end()) return std::nullopt;
    used_.splice(used_.begin(), used_, known->second);
  }
  const auto path = path_of(key);
  auto file = std::make_shared<base::unique_fd>(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat now{};
  std::optional<std::uint64_t> length;
  if (*file && ::fstat(file->get(), &now) == 0 && S_ISREG(now.st_mode))
    length = checked_length(file->get(), static_cast<std::uint64_t>(now.st_size));
  if (!length) {
    const std::lock_guard lock(mutex_);
    ::unlink(path.c_str());
    forget(key);
    return std::nullopt;
  }
  note_use(file->get(), now);
  return picture{std::move(file), entry_header_bytes, *length};
}

void thumbnail_cache::store(const digest& key, std::span<const std::uint8_t> bytes) {
  const auto size = entry_header_bytes + bytes.size();
  if (bytes.empty() || bytes.size() > limits::thumbnail_bytes_max || size > options_.bytes_max)
    return;
  const auto free = free_bytes(parent_of(options_.folder));
  if (free && *free < options_.disk_free_min + size) return;
  const auto temporary = new_temporary();
  bool no_folder = false;
  bool written = write_entry(temporary, bytes, no_folder);
  if (no_folder) { // at the first entry, or removed meanwhile
    {
      const std::lock_guard lock(mutex_);
      forget_all();
    }
    ::mkdir(options_.folder.c_str(), 0700);
    written = write_entry(temporary, bytes, no_folder);
  }
  const std::lock_guard lock(mutex_);
  if (written) make_space(size);
  if (written && ::rename(temporary.c_str(), path_of(key).c_str()) == 0)
    add(key, size);
  else
    ::unlink(temporary.c_str());
}

std::uint64_t thumbnail_cache::bytes() {
  const std::lock_guard lock(mutex_);
  load();
  return bytes_;
}

std::size_t thumbnail_cache::entries() {
  const std::lock_guard lock(mutex_);
  load();
  return index_.size();
}

} // namespace darkroom::persistence
