#include "persistence/checked_files.hpp"

#include "persistence/limits.hpp"

namespace darkroom::persistence {

namespace {

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

} // namespace

checked_files::file_version checked_files::version_of(const struct stat& about) {
  return {about.st_dev, about.st_ino, about.st_size, nanoseconds(about.st_mtim),
          nanoseconds(about.st_ctim)};
}

bool same_file(const struct stat& a, const struct stat& b) {
  return checked_files::version_of(a) == checked_files::version_of(b);
}

void checked_files::add(const digest& name, const struct stat& about) {
  const std::lock_guard lock(mutex_);
  if (files_.size() >= limits::checked_files_max && !files_.contains(name))
    files_.erase(files_.begin());
  files_[name] = version_of(about);
}

bool checked_files::has(const digest& name, const struct stat& about) const {
  const std::lock_guard lock(mutex_);
  const auto known = files_.find(name);
  return known != files_.end() && known->second == version_of(about);
}

} // namespace darkroom::persistence
