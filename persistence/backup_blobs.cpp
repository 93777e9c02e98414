#include "persistence/backup_blobs.hpp"

#include "persistence/blob_store.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace darkroom::persistence {

namespace {

// Whether a file's content, as it is on the disk, is what its name says.
file_result<bool> is_whole(const std::string& path, const digest& name) {
  const auto file = open_for_reading(path);
  if (!file) return std::unexpected(file.error());
  ::posix_fadvise(file->get(), 0, 0,
                  POSIX_FADV_DONTNEED); // not from memory; what is read is synced
  const auto sums = sums_of(file->get());
  ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_DONTNEED); // nobody needs it soon
  if (!sums) return std::unexpected(last_error("reading " + path));
  return sums->sha256 == name;
}

file_error damaged(const std::string& what, const digest& name) {
  errno = EILSEQ;
  return last_error(what + ' ' + to_hex(name) + " is damaged");
}

class blob_copier {
public:
  blob_copier(const std::string& from, const std::string& to, const verified_part& verified,
              copy_progress& done)
      : from_(from), to_(to), verified_(verified), done_(done) {}

  // The name is synced by the caller.
  file_result<void> copy(const blob_use& use) {
    const auto target = blob_path(to_, use.name);
    struct stat there{};
    const bool is_there = ::stat(target.c_str(), &there) == 0;
    const bool has_size = is_there && static_cast<std::uint64_t>(there.st_size) == use.bytes;
    if (has_size && !verified_.has(use.name)) return {};
    if (has_size) {
      done_.verified += 1;
      const auto whole = is_whole(target, use.name);
      if (whole && *whole) return {};
    }
    auto copied = copy_content(use, target);
    done_.replaced += is_there && copied;
    return copied;
  }

private:
  file_result<void> copy_content(const blob_use& use, const std::string& target) {
    const auto source = open_for_reading(blob_path(from_, use.name));
    if (!source) return std::unexpected(source.error());
    if (auto ok = make_directories(parent_of(target)); !ok) return ok;
    const auto part = to_ + '/' + to_hex(use.name) + ".part";
    const auto written = write_synced(source->get(), part);
    if (!written) return std::unexpected(written.error());
    if (written->sha256 != use.name) {
      ::unlink(part.c_str());
      return std::unexpected(damaged("the blob", use.name));
    }
    const auto whole = is_whole(part, use.name);
    if (!whole) return std::unexpected(whole.error());
    if (!*whole) {
      ::unlink(part.c_str());
      return std::unexpected(damaged("what was written of the blob", use.name));
    }
    if (auto ok = rename_file(part, target, true); !ok) return ok;
    done_.bytes_copied += written->bytes;
    return {};
  }

  const std::string& from_;
  const std::string& to_;
  const verified_part& verified_;
  copy_progress& done_;
};

// Entries of one name count once: only damage gives it two sizes.
file_result<void> each_name(const blob_list& blobs,
                            const std::function<file_result<void>(const blob_use&)>& visit) {
  blob_list::cursor cursor(blobs);
  std::optional<digest> last;
  while (true) {
    const auto use = cursor.next();
    if (!use) return std::unexpected(use.error());
    if (!*use) return {};
    if (last == (*use)->name) continue;
    last = (*use)->name;
    if (auto ok = visit(**use); !ok) return ok;
  }
}

} // namespace

base::result<copied_blobs, std::string> copy_blobs(const blob_list& blobs, const std::string& from,
                                                   const std::string& to,
                                                   const verified_part& verified,
                                                   const on_copy_progress& progress) {
  if (auto ok = make_directories(to); !ok) return std::unexpected(ok.error().text());
  copy_progress done;
  const auto counted = each_name(blobs, [&done](const blob_use&) -> file_result<void> {
    done.blobs += 1;
    return {};
  });
  if (!counted) return std::unexpected(counted.error().text());
  // One that cannot be copied keeps no other from it.
  std::string bad;
  std::size_t bad_count = 0;
  blob_copier copier(from, to, verified, done);
  const auto all = each_name(blobs, [&](const blob_use& use) -> file_result<void> {
    auto copied = copier.copy(use);
    if (!copied && copied.error().disk_full()) return copied;
    if (!copied && bad_count++ == 0) bad = copied.error().text();
    done.blobs_done += 1;
    progress(done);
    return {};
  });
  if (!all) return std::unexpected(all.error().text());
  const base::unique_fd directory{::open(to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory || ::syncfs(directory.get()) != 0)
    return std::unexpected(last_error("syncing " + to).text());
  if (bad_count != 0)
    bad = std::to_string(bad_count) + " of " + std::to_string(done.blobs) +
          " blobs could not be copied, the others were; the first: " + bad +
          " (darkroom fsck names the files that need them)";
  return copied_blobs{done, std::move(bad)};
}

} // namespace darkroom::persistence
