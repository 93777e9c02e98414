#include "persistence/blob_store.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>

namespace darkroom::persistence {

namespace fs = std::filesystem;

blob_store::pin::~pin() {
  if (store_ != nullptr) store_->unpin(blob_.sha256);
}

file_result<std::unique_ptr<blob_store>> blob_store::open(std::string root) {
  std::unique_ptr<blob_store> made(new blob_store(std::move(root)));
  if (auto ok = make_directories(made->root_); !ok) return std::unexpected(ok.error());
  // The file system's own clock: a file that is made now tells it.
  const auto probe = made->root_ + "/.opened";
  const codecs::unique_fd file{
      ::open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
  struct stat about{};
  if (!file || ::futimens(file.get(), nullptr) != 0 || ::fstat(file.get(), &about) != 0)
    return std::unexpected(last_error("opening the blob store " + made->root_));
  made->opened_s_ = about.st_mtim.tv_sec;
  return made;
}

std::string blob_store::path_of(const digest& name) const {
  const auto hex = to_hex(name);
  return root_ + '/' + hex.substr(0, 2) + '/' + hex.substr(2);
}

file_result<blob_store::pin> blob_store::put(int content) {
  std::string part;
  {
    const std::lock_guard lock(mutex_);
    part = root_ + '/' + std::to_string(::getpid()) + '-' + std::to_string(next_part_++) + ".part";
  }
  const auto written = write_synced(content, part);
  if (!written) return std::unexpected(written.error());
  const auto target = path_of(written->sha256);
  {
    // Pinned before it has its name: a blob that is there without a use may be removed.
    const std::lock_guard lock(mutex_);
    uses_[written->sha256].pins += 1;
  }
  pin held(*this, *written);
  const auto fail = [&](const file_error& error) {
    ::unlink(part.c_str());
    return std::unexpected(error);
  };
  if (auto ok = make_directories(parent_of(target)); !ok) return fail(ok.error());
  const auto renamed = rename_file(part, target, false);
  if (!renamed && renamed.error().code != EEXIST) return fail(renamed.error());
  if (!renamed) ::unlink(part.c_str());
  if (auto ok = sync_directory(parent_of(target)); !ok) return std::unexpected(ok.error());
  return held;
}

file_result<codecs::unique_fd> blob_store::open_blob(const digest& name) const {
  codecs::unique_fd file{::open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return std::unexpected(last_error("opening the blob " + to_hex(name)));
  return file;
}

void blob_store::add_reference(const digest& name) {
  const std::lock_guard lock(mutex_);
  uses_[name].references += 1;
}

void blob_store::drop_reference(const digest& name) {
  const std::lock_guard lock(mutex_);
  const auto at = uses_.find(name);
  if (at == uses_.end() || at->second.references == 0) return;
  at->second.references -= 1;
  remove_if_unused(at);
}

void blob_store::unpin(const digest& name) {
  const std::lock_guard lock(mutex_);
  const auto at = uses_.find(name);
  if (at == uses_.end()) return;
  at->second.pins -= 1;
  remove_if_unused(at);
}

void blob_store::remove_if_unused(std::map<digest, uses>::iterator at) {
  if (at->second.references != 0 || at->second.pins != 0) return;
  ::unlink(path_of(at->first).c_str());
  uses_.erase(at);
}

file_result<std::size_t> blob_store::sweep() {
  std::size_t removed = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(root_, error), end; !error && at != end;
       at.increment(error)) {
    struct stat about{};
    if (::lstat(at->path().c_str(), &about) != 0 || !S_ISREG(about.st_mode) ||
        at->path().filename() == ".opened" || about.st_mtim.tv_sec >= opened_s_)
      continue;
    const auto name =
        parse_hex(at->path().parent_path().filename().string() + at->path().filename().string());
    const std::lock_guard lock(mutex_);
    if (name && uses_.contains(*name)) continue;
    if (::unlink(at->path().c_str()) == 0) ++removed;
  }
  if (error) return std::unexpected(file_error{error.value(), "sweeping the blob store"});
  return removed;
}

} // namespace darkroom::persistence
