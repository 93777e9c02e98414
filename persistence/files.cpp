#include "persistence/files.hpp"

#include "base/errno_text.hpp"
#include "persistence/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <iterator>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <vector>

namespace darkroom::persistence {

namespace {

using base::unique_fd;

} // namespace

file_result<void> write_all(int fd, std::span<const std::uint8_t> bytes, const std::string& name) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::unexpected(last_error("writing " + name));
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

file_result<base::unique_fd> open_for_reading(const std::string& path) {
  base::unique_fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return std::unexpected(last_error("opening " + path));
  return file;
}

bool file_error::disk_full() const {
  return code == ENOSPC || code == EDQUOT;
}

bool file_error::no_descriptors() const {
  return code == EMFILE || code == ENFILE;
}

std::string file_error::text() const {
  return action + ": " + base::errno_text(code);
}

file_error last_error(std::string action) {
  return {errno, std::move(action)};
}

std::optional<std::uint64_t> free_bytes(const std::string& path) {
  struct statvfs about{};
  if (::statvfs(path.c_str(), &about) != 0) return std::nullopt;
  return std::uint64_t{about.f_bavail} * about.f_frsize;
}

std::optional<std::uint64_t> free_inodes(const std::string& path) {
  struct statvfs about{};
  if (::statvfs(path.c_str(), &about) != 0 || about.f_files == 0) return std::nullopt;
  return about.f_favail;
}

file_result<base::unique_fd> make_nameless_file(const std::string& directory) {
  base::unique_fd file{::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (!file && errno != ENOENT) { // not every file system has such files
    auto path = directory + "/.darkroom-XXXXXX";
    file.reset(::mkostemp(path.data(), O_CLOEXEC));
    if (file) ::unlink(path.c_str());
  }
  if (!file) return std::unexpected(last_error("making a temporary file in " + directory));
  return file;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

file_result<void> make_directories(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0) return sync_directory(parent_of(path));
  if (errno == EEXIST) {
    struct stat about{};
    if (::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) return {};
    errno = ENOTDIR;
    return std::unexpected(last_error("making the directory " + path));
  }
  if (errno != ENOENT) return std::unexpected(last_error("making the directory " + path));
  if (auto ok = make_directories(parent_of(path)); !ok) return ok;
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST)
    return std::unexpected(last_error("making the directory " + path));
  return sync_directory(parent_of(path));
}

file_result<open_file> write_unsynced(int from, const std::string& path) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  unique_fd to{::open(path.c_str(), flags, 0666)};
  if (!to && errno == EEXIST && ::unlink(path.c_str()) == 0)
    to.reset(::open(path.c_str(), flags, 0666));
  if (!to) return std::unexpected(last_error("making " + path));
  written_file done;
  sha256 sum;
  const auto chunk = file_chunk();
  const auto failed = [&](const char* action) {
    auto error = last_error(action + path);
    ::unlink(path.c_str());
    return std::unexpected(std::move(error));
  };
  for (off_t at = 0;;) {
    const auto n = ::pread(from, chunk.data(), chunk.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("reading what goes to ");
    if (n == 0) break;
    const std::span piece{chunk.data(), static_cast<std::size_t>(n)};
    sum.add(piece);
    done.crc32 = crc32_of(done.crc32, piece);
    if (auto ok = write_all(to.get(), piece, path); !ok) {
      ::unlink(path.c_str());
      return std::unexpected(ok.error());
    }
    at += n;
  }
  struct stat about{};
  if (::fstat(to.get(), &about) != 0) return failed("looking at ");
  done.bytes = static_cast<std::uint64_t>(about.st_size);
  done.sha256 = sum.finish();
  return open_file{std::move(to), done};
}

file_result<written_file> write_synced(int from, const std::string& path) {
  const auto written = write_unsynced(from, path);
  if (!written) return std::unexpected(written.error());
  if (::fsync(written->file.get()) == 0) return written->content;
  auto error = last_error("syncing " + path);
  ::unlink(path.c_str());
  return std::unexpected(std::move(error));
}

// Of FUSE, for instance, syncfs(2) reaches no server, and says that all is well.
bool sync_file_system(int file) {
  struct statfs about{};
  if (::fstatfs(file, &about) != 0) return false;
  constexpr std::uint64_t known[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
                                     F2FS_SUPER_MAGIC, TMPFS_MAGIC};
  const auto type = static_cast<std::uint64_t>(about.f_type);
  return std::ranges::find(known, type) != std::end(known) && ::syncfs(file) == 0;
}

file_result<void> sync_directory(const std::string& path) {
  const unique_fd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory || ::fsync(directory.get()) != 0)
    return std::unexpected(last_error("syncing the directory " + path));
  return {};
}

file_result<void> rename_file(const std::string& from, const std::string& to, bool replace) {
  const unsigned flags = replace ? 0 : RENAME_NOREPLACE;
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0) return {};
  // Not every file system knows "no replace" (EINVAL): a hard link refuses to replace as well.
  if (!replace && errno == EINVAL && ::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return {};
  }
  return std::unexpected(last_error("renaming to " + to));
}

} // namespace darkroom::persistence
