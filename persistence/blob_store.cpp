#include "persistence/blob_store.hpp"

#include "base/clock.hpp"
#include "persistence/limits.hpp"
#include "persistence/set_aside.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <set>
#include <sys/stat.h>
#include <system_error>

namespace darkroom::persistence {

namespace fs = std::filesystem;

namespace {

std::int64_t modified_ns(const struct stat& about) {
  return about.st_mtim.tv_sec * 1'000'000'000 + about.st_mtim.tv_nsec;
}

} // namespace

blob_writer::blob_writer(base::unique_fd file, std::string path)
    : file_(std::move(file)), path_(std::move(path)), sum_(std::make_unique<sha256>()) {}

blob_writer::~blob_writer() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

file_result<void> blob_writer::add(std::span<const std::uint8_t> bytes) {
  if (auto ok = write_all(file_.get(), bytes, path_); !ok) return ok;
  sum_->add(bytes);
  crc32_ = crc32_of(crc32_, bytes);
  bytes_ += bytes.size();
  return {};
}

digest blob_writer::finish() {
  sha256_ = sum_->finish();
  return sha256_;
}

blob_store::pin::~pin() {
  if (store_ != nullptr) store_->unpin(blob_.sha256);
}

file_result<std::unique_ptr<blob_store>> blob_store::open(std::string root) {
  std::unique_ptr<blob_store> made(new blob_store(std::move(root)));
  if (auto ok = make_directories(made->root_); !ok) return std::unexpected(ok.error());
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char high : digits)
    for (const char low : digits) {
      const auto path = made->root_ + '/' + high + low;
      if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST)
        return std::unexpected(last_error("making the directory " + path));
    }
  if (auto ok = sync_directory(made->root_); !ok) return std::unexpected(ok.error());
  made->directory_.reset(::open(made->root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // The file system's own clock: a file that is made now tells it.
  const auto probe = made->root_ + "/.opened";
  const base::unique_fd file{::open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
  struct stat about{};
  if (!made->directory_ || !file || ::futimens(file.get(), nullptr) != 0 ||
      ::fstat(file.get(), &about) != 0)
    return std::unexpected(last_error("opening the blob store " + made->root_));
  made->opened_ns_ = modified_ns(about);
  return made;
}

blob_store::short_name blob_store::shortened(const digest& name) {
  short_name value = 0;
  std::memcpy(&value, name.data(), sizeof value);
  return value;
}

std::string blob_path(const std::string& root, const digest& name) {
  const auto hex = to_hex(name);
  return root + '/' + hex.substr(0, 2) + '/' + hex.substr(2);
}

std::string blob_store::next_part_path() {
  const std::lock_guard lock(mutex_);
  return root_ + '/' + std::to_string(::getpid()) + '-' + std::to_string(next_part_++) + ".part";
}

file_result<blob_writer> blob_store::begin() {
  auto path = next_part_path();
  base::unique_fd file{
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666)};
  if (!file) return std::unexpected(last_error("making " + path));
  return blob_writer(std::move(file), std::move(path));
}

// One sync of the file system is cheaper than many of directories.
file_result<void> blob_store::sync_names(std::span<const part> parts) const {
  std::set<std::string> directories;
  for (const auto& p : parts)
    directories.insert(parent_of(path_of(p.content.sha256)));
  if (directories.size() >= limits::syncs_shared_min && sync_file_system(directory_.get()))
    return {};
  for (const auto& directory : directories)
    if (auto ok = sync_directory(directory); !ok) return ok;
  return {};
}

std::vector<file_result<blob_store::pin>> blob_store::commit(std::span<blob_writer> finished) {
  std::vector<part> parts;
  for (auto& writer : finished)
    parts.push_back({std::exchange(writer.path_, {}),
                     {writer.bytes_, writer.sha256_, writer.crc32_},
                     std::make_shared<const base::unique_fd>(std::move(writer.file_))});
  return name_parts(parts);
}

file_result<blob_store::part> blob_store::write_part(int content) {
  part made{next_part_path(), {}};
  auto written = write_unsynced(content, made.path);
  if (!written) return std::unexpected(written.error());
  made.content = written->content;
  auto kept = unsynced_.keep(std::move(written->file), made.path);
  if (!kept) return std::unexpected(kept.error());
  made.unsynced = std::move(*kept);
  return made;
}

std::vector<file_result<blob_store::pin>> blob_store::name_parts(std::span<const part> parts) {
  std::vector<unsynced_file> files;
  files.reserve(parts.size());
  for (const auto& p : parts)
    files.push_back(p.unsynced);
  const auto contents = sync_files(files);
  std::vector<file_result<pin>> results;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& p = parts[i];
    if (!contents[i]) {
      ::unlink(p.path.c_str());
      results.emplace_back(std::unexpected(contents[i].error()));
      continue;
    }
    const auto path = path_of(p.content.sha256);
    file_result<void> renamed;
    {
      // Pinned before it has its name: a blob that is there without a use may be removed. And not
      // while a reader sets a damaged one of this name aside, which would take this one.
      std::unique_lock lock(mutex_);
      wait_for_removal(lock, p.content.sha256);
      uses_[shortened(p.content.sha256)].pins += 1;
      renamed = rename_file(p.path, path, true);
    }
    pin held(*this, p.content);
    if (!renamed) {
      ::unlink(p.path.c_str());
      results.emplace_back(std::unexpected(renamed.error()));
      continue;
    }
    if (struct stat about{}; ::stat(path.c_str(), &about) == 0)
      checked_.add(p.content.sha256, about);
    results.emplace_back(std::move(held));
  }
  const auto synced = sync_names(parts);
  if (synced) return results;
  std::vector<file_result<pin>> failed;
  failed.reserve(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i)
    failed.emplace_back(std::unexpected(synced.error()));
  return failed;
}

file_result<blob_store::pin> blob_store::put(int content) {
  const auto written = write_part(content);
  if (!written) return std::unexpected(written.error());
  return std::move(name_parts({&*written, 1}).front());
}

file_result<base::unique_fd> blob_store::open_blob(const digest& name) const {
  base::unique_fd file{::open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return std::unexpected(last_error("opening the blob " + to_hex(name)));
  return file;
}

file_result<blob_store::pin> blob_store::pin_existing(const digest& name) {
  {
    std::unique_lock lock(mutex_);
    wait_for_removal(lock, name);
    uses_[shortened(name)].pins += 1;
  }
  written_file blob{0, name, 0};
  struct stat about{};
  const bool there = ::stat(path_of(name).c_str(), &about) == 0;
  blob.bytes = there ? static_cast<std::uint64_t>(about.st_size) : 0;
  pin held(*this, blob);
  if (!there) return std::unexpected(last_error("opening the blob " + to_hex(name)));
  return held;
}

file_result<blob_store::content_state> blob_store::check_content(const digest& name, int blob,
                                                                 bool unless_known) {
  struct stat before{}, after{};
  if (::fstat(blob, &before) != 0)
    return std::unexpected(last_error("looking at the blob " + to_hex(name)));
  if (unless_known && checked_.has(name, before)) return content_state::whole;
  const auto sums = sums_of(blob);
  if (!sums || ::fstat(blob, &after) != 0)
    return std::unexpected(last_error("reading the blob " + to_hex(name)));
  if (sums->sha256 != name) {
    set_damaged_aside(name, blob);
    return content_state::damaged;
  }
  if (same_file(before, after)) checked_.add(name, after);
  return content_state::whole;
}

void blob_store::set_damaged_aside(const digest& name, int blob) {
  const auto path = path_of(name);
  std::unique_lock lock(mutex_);
  wait_for_removal(lock, name);
  struct stat read{}, there{};
  // Another upload may have replaced it, or another reader has been here.
  if (::fstat(blob, &read) != 0 || ::stat(path.c_str(), &there) != 0 ||
      read.st_dev != there.st_dev || read.st_ino != there.st_ino)
    return;
  damaged_found_ += 1;
  const auto moved = set_aside(path, root_, "damaged-" + to_hex(name), base::unix_now_us());
  if (told_damaged_) told_damaged_(path, moved ? *moved : moved.error().text());
}

void blob_store::add_reference(const digest& name) {
  const std::lock_guard lock(mutex_);
  uses_[shortened(name)].references += 1;
}

void blob_store::drop_reference(const digest& name) {
  std::unique_lock lock(mutex_);
  const auto at = uses_.find(shortened(name));
  if (at == uses_.end() || at->second.references == 0) return;
  at->second.references -= 1;
  remove_if_unused(lock, name);
}

void blob_store::unpin(const digest& name) {
  std::unique_lock lock(mutex_);
  const auto at = uses_.find(shortened(name));
  if (at == uses_.end()) return;
  at->second.pins -= 1;
  remove_if_unused(lock, name);
}

void blob_store::wait_for_removal(std::unique_lock<std::mutex>& lock, const digest& name) {
  removed_.wait(lock, [&] { return !removing_.contains(shortened(name)); });
}

void blob_store::remove_if_unused(std::unique_lock<std::mutex>& lock, const digest& name) {
  const auto at = uses_.find(shortened(name));
  if (at->second.references != 0 || at->second.pins != 0) return;
  if (removals_held_ != 0) {
    held_back_.push_back(name);
    return;
  }
  uses_.erase(at);
  removing_.insert(shortened(name));
  lock.unlock();
  ::unlink(path_of(name).c_str());
  lock.lock();
  removing_.erase(shortened(name));
  removed_.notify_all();
}

void blob_store::hold_removals() {
  const std::lock_guard lock(mutex_);
  removals_held_ += 1;
}

void blob_store::allow_removals() {
  std::unique_lock lock(mutex_);
  if (--removals_held_ != 0) return;
  for (const auto& name : std::exchange(held_back_, {}))
    if (uses_.contains(shortened(name))) remove_if_unused(lock, name);
}

file_result<blob_store::swept_files> blob_store::sweep() {
  swept_files swept;
  std::error_code error;
  for (fs::recursive_directory_iterator at(root_, error), end; !error && at != end;
       at.increment(error)) {
    struct stat about{};
    if (::lstat(at->path().c_str(), &about) != 0 || !S_ISREG(about.st_mode) ||
        at->path().filename() == ".opened" || modified_ns(about) >= opened_ns_)
      continue;
    const auto file = at->path().string();
    const std::lock_guard lock(mutex_);
    if (at->path().extension() == ".part") {
      if (::unlink(file.c_str()) == 0) swept.removed += 1;
      continue;
    }
    const auto below = file.substr(root_.size() + 1);
    const auto name = parse_hex(below.substr(0, 2) + below.substr(std::min(below.size(), 3uz)));
    if (name && (uses_.contains(shortened(*name)) || removing_.contains(shortened(*name))))
      continue;
    if (const auto moved = set_aside(file, root_, below, base::unix_now_us()))
      swept.set_aside += 1;
    else if (moved.error().code != ENOENT) // its last reference may just have gone
      return std::unexpected(moved.error());
  }
  if (error) return std::unexpected(file_error{error.value(), "sweeping the blob store"});
  return swept;
}

} // namespace darkroom::persistence
