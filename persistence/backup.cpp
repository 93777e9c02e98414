#include "persistence/backup.hpp"

#include "base/result.hpp"
#include "persistence/backup_blobs.hpp"
#include "persistence/blob_list.hpp"
#include "persistence/data_check.hpp"
#include "persistence/database.hpp"
#include "persistence/limits.hpp"
#include "persistence/read_view.hpp"
#include "persistence/replace_witness.hpp"
#include "persistence/witness.hpp"

#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <rocksdb/env.h>
#include <rocksdb/utilities/backup_engine.h>
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
// What the file says after the format.
struct backup_mark {
  rocksdb::BackupID whole = 0; // the copy that is whole, with all its blobs
  unsigned verify_next = 0;    // the folder of blobs that is verified next
};
std::optional<backup_mark> read_mark(const std::string& folder) {
  std::ifstream in(mark_of(folder));
  std::string format;
  backup_mark mark;
  if (!std::getline(in, format) || !(in >> mark.whole)) return std::nullopt;
  if (!(in >> mark.verify_next)) mark.verify_next = 0; // of an older Darkroom
  return mark;
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

// All blobs that a journal names, without what is left of deleted batches.
base::result<void, std::string> list_blobs(const read_view& journal, blob_list& list) {
  const auto read = journal.each_blob([&list](const blob_use& use) { list.add(use); });
  if (!read) return std::unexpected(read.error().detail);
  if (auto ok = list.sort(); !ok) return std::unexpected(ok.error().text());
  return {};
}

// While one is made, nobody reads it, and the other way round. Of the folder: the mark is another
// file when a copy is whole.
base::result<base::unique_fd, std::string> lock_backup(const std::string& folder, int operation) {
  base::unique_fd lock{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!lock || ::flock(lock.get(), operation | LOCK_NB) != 0)
    return std::unexpected(operation == LOCK_EX
                               ? "another backup is being made in " + folder + ", or it is read"
                               : "a backup is being made in " + folder);
  return lock;
}

base::result<void, std::string> write_mark(const std::string& folder,
                                           const std::optional<backup_mark>& mark) {
  auto text = std::to_string(limits::backup_format_version) + '\n';
  if (mark) text += std::to_string(mark->whole) + '\n' + std::to_string(mark->verify_next) + '\n';
  const auto part = mark_of(folder) + ".part";
  {
    const base::unique_fd file{
        ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (!file) return std::unexpected(last_error("making " + part).text());
    const auto ok = write_all(
        file.get(), {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, part);
    if (!ok) return std::unexpected(ok.error().text());
    if (::fsync(file.get()) != 0) return std::unexpected(last_error("syncing " + part).text());
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
void remove_others(const std::string& blobs, const blob_list& list) {
  std::error_code error;
  const auto looked =
      each_unlisted(blobs, list, [&error](const std::string& path) { fs::remove(path, error); });
  static_cast<void>(looked); // what stays takes room, and nothing else: the next run removes it
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

// With `contents`, all of its files are read.
journal_result<void> verify_copy(const std::string& folder, rocksdb::BackupID id, bool contents) {
  rocksdb::BackupEngineReadOnly* made = nullptr;
  auto status =
      rocksdb::BackupEngineReadOnly::Open(rocksdb::Env::Default(), engine_options(folder), &made);
  const std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(made);
  if (status.ok()) status = engine->VerifyBackup(id, contents);
  if (!status.ok()) return std::unexpected(database::error_of(status));
  return {};
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
  if (!status.ok()) return std::unexpected(database::error_of(status));
  if (status = engine->VerifyBackup(id, true); status.ok()) return {};
  // It shares tables with older copies: those that are damaged would stay so in every new one.
  auto error = database::error_of(status);
  error.detail = "the copy of the journal is damaged: " + error.detail + "; remove " +
                 journal_of(folder) + " and make the backup again, or make it in another folder";
  if (const auto deleted = engine->DeleteBackup(id); !deleted.ok())
    error.detail += " (" + deleted.ToString() + ')';
  return std::unexpected(error);
}

journal_result<std::shared_ptr<const read_view>> read_view::open_backup(const std::string& folder) {
  const auto mark = read_mark(folder);
  if (!mark)
    return std::unexpected(
        journal_error{journal_fault::missing, "there is no whole backup in " + folder});
  return open_copy(folder, mark->whole);
}

base::result<copy_progress, std::string> back_up(std::shared_ptr<const read_view> journal,
                                                 const std::string& blobs,
                                                 const std::string& folder, bool verify_all,
                                                 const on_copy_progress& progress) {
  if (auto ok = check_backup(folder); !ok) return std::unexpected(ok.error());
  const auto lock = lock_backup(folder, LOCK_EX);
  if (!lock) return std::unexpected(lock.error());
  if (auto ok = journal->back_up(folder); !ok) return std::unexpected(ok.error().detail);
  journal.reset();
  // What was written to the journal since then is not in the copy: the copy says what it needs.
  const auto id = newest_copy(folder);
  if (!id) return std::unexpected(id.error().detail);
  blob_list list(folder);
  {
    const auto copy = open_copy(folder, *id);
    if (!copy) return std::unexpected(copy.error().detail);
    if (auto ok = list_blobs(**copy, list); !ok) return std::unexpected(ok.error());
  }
  const auto before = read_mark(folder).value_or(backup_mark{});
  const unsigned folders = verify_all ? blob_folders : limits::backup_verified_folders;
  const auto done =
      copy_blobs(list, blobs, blobs_of(folder), {before.verify_next, folders}, progress);
  // Until all is there, the older copy keeps what it needs.
  if (!done) return std::unexpected(done.error());
  if (!done->bad.empty()) return std::unexpected(done->bad);
  const backup_mark now{*id, (before.verify_next + folders) % blob_folders};
  if (auto ok = write_mark(folder, now); !ok) return std::unexpected(ok.error());
  if (auto ok = forget_older(folder); !ok) return std::unexpected(ok.error().detail);
  remove_others(blobs_of(folder), list);
  return done->progress;
}

base::result<data_report, std::string> check_backup_data(const std::string& folder, bool contents) {
  if (auto ok = check_backup(folder); !ok) return std::unexpected(ok.error());
  const auto lock = lock_backup(folder, LOCK_SH);
  if (!lock) return std::unexpected(lock.error());
  const auto mark = read_mark(folder);
  const auto copy = read_view::open_backup(folder);
  if (!mark || !copy) return std::unexpected(copy.error().detail);
  const auto tables = verify_copy(folder, mark->whole, contents);
  auto report = check_data(**copy, blobs_of(folder), contents);
  if (!report) return std::unexpected(report.error().detail);
  if (!tables) report->journal.push_back(tables.error().detail);
  report->strays.clear();
  return *std::move(report);
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
  const auto lock = lock_backup(folder, LOCK_SH);
  if (!lock) return std::unexpected(lock.error());
  const auto mark = read_mark(folder);
  // Blobs first: a journal that is there has all that it names.
  auto copy = read_view::open_backup(folder);
  if (!mark || !copy) return std::unexpected(copy.error().detail);
  blob_list list(parent_of(blobs));
  if (auto ok = list_blobs(**copy, list); !ok) return std::unexpected(ok.error());
  copy->reset();
  // Blobs that are bad keep nobody from the rest.
  const auto done = copy_blobs(list, blobs_of(folder), blobs, {}, progress);
  if (!done) return std::unexpected(done.error());
  rocksdb::BackupEngineReadOnly* made = nullptr;
  auto status =
      rocksdb::BackupEngineReadOnly::Open(rocksdb::Env::Default(), engine_options(folder), &made);
  const std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(made);
  // Whole, or not there.
  const auto part = journal + ".part";
  if (status.ok()) status = engine->RestoreDBFromBackup(mark->whole, part, part);
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
