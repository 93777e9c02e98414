#include "persistence/backup.hpp"

#include "base/result.hpp"
#include "persistence/blob_store.hpp"
#include "persistence/database.hpp"
#include "persistence/limits.hpp"
#include "persistence/read_view.hpp"
#include "persistence/replace_witness.hpp"
#include "persistence/witness.hpp"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <rocksdb/env.h>
#include <rocksdb/utilities/backup_engine.h>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace darkroom::persistence {

namespace {

namespace fs = std::filesystem;

std::string mark_of(const std::string& folder) {
  return folder + "/darkroom-backup";
}
// The second line of the mark: the copy that is whole, with all its blobs.
std::optional<rocksdb::BackupID> whole_copy(const std::string& folder) {
  std::ifstream in(mark_of(folder));
  std::string format;
  rocksdb::BackupID id = 0;
  if (!std::getline(in, format) || !(in >> id)) return std::nullopt;
  return id;
}

std::string journal_of(const std::string& folder) {
  return folder + "/journal";
}
std::string blobs_of(const std::string& folder) {
  return folder + "/blobs";
}

rocksdb::BackupEngineOptions engine_options(const std::string& folder) {
  rocksdb::BackupEngineOptions options(journal_of(folder));
  options.sync = true;
  return options;
}

// Copies one blob under its name, unless it is there; returns how many bytes it copied. Its content
// is compared with its name on the way; the name is synced by the caller.
file_result<std::uint64_t> copy_blob(const std::string& from, const std::string& to,
                                     const digest& name) {
  const auto target = blob_path(to, name);
  const auto source = open_for_reading(blob_path(from, name));
  struct stat kept{};
  // What was lost here since an earlier copy is still there.
  if (!source && ::stat(target.c_str(), &kept) == 0) return 0;
  if (!source) return std::unexpected(source.error());
  struct stat there{}, here{};
  if (::fstat(source->get(), &here) != 0) return std::unexpected(last_error("looking at a blob"));
  if (::stat(target.c_str(), &there) == 0 && there.st_size == here.st_size) return 0;
  if (auto ok = make_directories(parent_of(target)); !ok) return std::unexpected(ok.error());
  const auto part = to + '/' + to_hex(name) + ".part";
  const auto written = write_synced(source->get(), part);
  if (!written) return std::unexpected(written.error());
  if (written->sha256 != name) {
    ::unlink(part.c_str());
    errno = EILSEQ;
    return std::unexpected(last_error("the blob " + to_hex(name) + " is damaged"));
  }
  if (auto ok = rename_file(part, target, true); !ok) return std::unexpected(ok.error());
  return written->bytes;
}

// All blobs that a journal names, without what is left of deleted batches.
journal_result<std::set<digest>> named_blobs(const read_view& journal) {
  std::set<digest> names;
  const auto ok = journal.each_blob([&](const digest& name) { names.insert(name); });
  if (!ok) return std::unexpected(ok.error());
  return names;
}

struct copied_blobs {
  copy_progress progress;
  std::string bad; // what is said of those that could not be copied; empty: all were
};

// The error is one that keeps all from being copied.
base::result<copied_blobs, std::string> copy_blobs(const std::set<digest>& names,
                                                   const std::string& from, const std::string& to,
                                                   const on_copy_progress& progress) {
  if (auto ok = make_directories(to); !ok) return std::unexpected(ok.error().text());
  copy_progress done{.blobs = names.size()};
  // One that cannot be copied keeps no other from it.
  std::string bad;
  std::size_t bad_count = 0;
  for (const auto& name : names) {
    const auto copied = copy_blob(from, to, name);
    if (!copied && copied.error().disk_full()) return std::unexpected(copied.error().text());
    if (!copied && bad_count++ == 0) bad = copied.error().text();
    done.blobs_done += 1;
    done.bytes_copied += copied.value_or(0);
    progress(done);
  }
  const base::unique_fd directory{::open(to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory || ::syncfs(directory.get()) != 0)
    return std::unexpected(last_error("syncing " + to).text());
  if (bad_count != 0)
    bad = std::to_string(bad_count) + " of " + std::to_string(names.size()) +
          " blobs could not be copied, the others were; the first: " + bad +
          " (darkroom fsck names the files that need them)";
  return copied_blobs{done, std::move(bad)};
}

base::result<void, std::string> write_mark(const std::string& folder,
                                           std::optional<rocksdb::BackupID> whole) {
  auto text = std::to_string(limits::backup_format_version) + '\n';
  if (whole) text += std::to_string(*whole) + '\n';
  const auto part = mark_of(folder) + ".part";
  {
    const base::unique_fd mark{
        ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (!mark) return std::unexpected(last_error("making " + part).text());
    const auto ok = write_all(
        mark.get(), {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, part);
    if (!ok) return std::unexpected(ok.error().text());
    if (::fsync(mark.get()) != 0) return std::unexpected(last_error("syncing " + part).text());
  }
  auto ok = rename_file(part, mark_of(folder), true);
  if (ok) ok = sync_directory(folder);
  if (!ok) return std::unexpected(ok.error().text());
  return {};
}

journal_result<void> forget_older(const std::string& folder) {
  rocksdb::BackupEngine* made = nullptr;
  auto status = rocksdb::BackupEngine::Open(engine_options(folder), rocksdb::Env::Default(), &made);
  const std::unique_ptr<rocksdb::BackupEngine> engine(made);
  if (status.ok()) status = engine->PurgeOldBackups(1);
  if (!status.ok()) return std::unexpected(database::error_of(status));
  return {};
}

// What an older copy needed, or one that was broken off.
void remove_others(const std::string& blobs, const std::set<digest>& names) {
  std::vector<fs::path> others;
  std::error_code error;
  for (fs::recursive_directory_iterator at(blobs, error), end; !error && at != end;
       at.increment(error)) {
    const auto name =
        parse_hex(at->path().parent_path().filename().string() + at->path().filename().string());
    if (at->is_regular_file(error) && (!name || !names.contains(*name)))
      others.push_back(at->path());
  }
  for (const auto& other : others)
    fs::remove(other, error);
}

journal_result<std::shared_ptr<const read_view>> open_copy(const std::string& folder,
                                                           rocksdb::BackupID id) {
  rocksdb::BackupEngineReadOnly* made = nullptr;
  const auto status =
      rocksdb::BackupEngineReadOnly::Open(rocksdb::Env::Default(), engine_options(folder), &made);
  const std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(made);
  if (!status.ok()) return std::unexpected(database::error_of(status));
  rocksdb::BackupInfo info;
  if (const auto found = engine->GetBackupInfo(id, &info, true); !found.ok())
    return std::unexpected(database::error_of(found));
  auto db = database::open(info.name_for_open, info.env_for_open.get(), database::mode::read_only);
  if (!db) return std::unexpected(db.error());
  db->get()->keep(info.env_for_open);
  return std::make_shared<const read_view>(std::move(*db));
}

// The copy that was made last, whole or not.
journal_result<rocksdb::BackupID> newest_copy(const std::string& folder) {
  rocksdb::BackupEngineReadOnly* made = nullptr;
  auto status =
      rocksdb::BackupEngineReadOnly::Open(rocksdb::Env::Default(), engine_options(folder), &made);
  const std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(made);
  if (!status.ok()) return std::unexpected(database::error_of(status));
  rocksdb::BackupInfo info;
  if (const auto found = engine->GetLatestBackupInfo(&info); !found.ok())
    return std::unexpected(database::error_of(found));
  return info.backup_id;
}

} // namespace

bool is_backup(const std::string& folder) {
  struct stat about{};
  return ::stat(mark_of(folder).c_str(), &about) == 0;
}

base::result<void, std::string> check_backup(const std::string& folder) {
  std::ifstream in(mark_of(folder));
  std::string text;
  if (!std::getline(in, text))
    return std::unexpected(folder + " is no folder of backups: it has no file darkroom-backup");
  std::uint32_t format = 0;
  std::from_chars(text.data(), text.data() + text.size(), format);
  if (format == 0 || format > limits::backup_format_version)
    return std::unexpected("the backup in " + folder + " has format \"" + text +
                           "\", this Darkroom knows up to " +
                           std::to_string(limits::backup_format_version));
  return {};
}

base::result<void, std::string> prepare_backup(const std::string& folder) {
  if (auto ok = make_directories(folder); !ok) return std::unexpected(ok.error().text());
  struct stat about{};
  if (::stat(mark_of(folder).c_str(), &about) == 0) return check_backup(folder);
  std::error_code error;
  if (!fs::is_empty(folder, error))
    return std::unexpected(folder + " is neither empty nor a folder of backups");
  ::chmod(folder.c_str(), 0700); // other people's photos
  return write_mark(folder, std::nullopt);
}

journal_result<void> read_view::back_up(const std::string& folder) const {
  rocksdb::BackupEngine* made = nullptr;
  auto status = rocksdb::BackupEngine::Open(engine_options(folder), rocksdb::Env::Default(), &made);
  const std::unique_ptr<rocksdb::BackupEngine> engine(made);
  rocksdb::CreateBackupOptions options;
  options.flush_before_backup = true;
  rocksdb::BackupID id = 0;
  if (status.ok()) status = engine->CreateNewBackup(options, &**db_, &id);
  if (status.ok()) status = engine->VerifyBackup(id, true);
  if (!status.ok()) return std::unexpected(database::error_of(status));
  return {};
}

journal_result<std::shared_ptr<const read_view>> read_view::open_backup(const std::string& folder) {
  const auto id = whole_copy(folder);
  if (!id)
    return std::unexpected(
        journal_error{journal_fault::missing, "there is no whole backup in " + folder});
  return open_copy(folder, *id);
}

base::result<copy_progress, std::string> back_up(std::shared_ptr<const read_view> journal,
                                                 const std::string& blobs,
                                                 const std::string& folder,
                                                 const on_copy_progress& progress) {
  if (auto ok = check_backup(folder); !ok) return std::unexpected(ok.error());
  // Of the folder: the mark is another file when this one is whole.
  const base::unique_fd lock{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return std::unexpected("another backup is being made in " + folder);
  if (auto ok = journal->back_up(folder); !ok) return std::unexpected(ok.error().detail);
  journal.reset();
  // What was written to the journal since then is not in the copy: the copy says what it needs.
  const auto id = newest_copy(folder);
  if (!id) return std::unexpected(id.error().detail);
  const auto copy = open_copy(folder, *id);
  if (!copy) return std::unexpected(copy.error().detail);
  const auto names = named_blobs(**copy);
  if (!names) return std::unexpected(names.error().detail);
  const auto done = copy_blobs(*names, blobs, blobs_of(folder), progress);
  // Until all is there, the older copy keeps what it needs.
  if (!done) return std::unexpected(done.error());
  if (!done->bad.empty()) return std::unexpected(done->bad);
  if (auto ok = write_mark(folder, *id); !ok) return std::unexpected(ok.error());
  if (auto ok = forget_older(folder); !ok) return std::unexpected(ok.error().detail);
  remove_others(blobs_of(folder), *names);
  return done->progress;
}

base::result<copy_progress, std::string> restore(const std::string& folder,
                                                 const std::string& journal,
                                                 const std::string& blobs,
                                                 const on_copy_progress& progress) {
  if (auto ok = check_backup(folder); !ok) return std::unexpected(ok.error());
  for (const auto& target : {journal, blobs}) {
    std::error_code error;
    if (fs::exists(target, error))
      return std::unexpected(target +
                             " is there already: nothing is written over it; name another folder, "
                             "or remove what an earlier restore left");
  }
  // Blobs first: a journal that is there has all that it names.
  const auto copy = read_view::open_backup(folder);
  if (!copy) return std::unexpected(copy.error().detail);
  const auto names = named_blobs(**copy);
  if (!names) return std::unexpected(names.error().detail);
  // Blobs that are bad keep nobody from the rest.
  const auto done = copy_blobs(*names, blobs_of(folder), blobs, progress);
  if (!done) return std::unexpected(done.error());
  rocksdb::BackupEngineReadOnly* made = nullptr;
  auto status =
      rocksdb::BackupEngineReadOnly::Open(rocksdb::Env::Default(), engine_options(folder), &made);
  const std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(made);
  // Whole, or not there.
  const auto part = journal + ".part";
  if (status.ok()) status = engine->RestoreDBFromBackup(*whole_copy(folder), part, part);
  if (!status.ok()) return std::unexpected(database::error_of(status).detail);
  // Copies have no witness: one that was older than its journal would be worth nothing.
  if (auto ok = vouch_for(part); !ok) return std::unexpected(ok.error().detail);
  auto named = rename_file(witness_path(part), witness_path(journal), true);
  if (named) named = rename_file(part, journal, false);
  if (named) named = sync_directory(parent_of(journal));
  if (!named) return std::unexpected(named.error().text());
  if (!done->bad.empty()) return std::unexpected(done->bad);
  return done->progress;
}

} // namespace darkroom::persistence
