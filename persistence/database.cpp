#include "persistence/database.hpp"

#include "base/thread_name.hpp"

#include "persistence/limits.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>
#include <system_error>
#include <thread>

namespace darkroom::persistence {

namespace {

// RocksDB's own log goes nowhere: its default is a file beside the data, and on a full disk that
// file aborts the process (Debian builds the package with assertions).
class silent_logger final : public rocksdb::Logger {
public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// Keeps what RocksDB says about records that it drops.
class loss_logger final : public rocksdb::Logger {
public:
  explicit loss_logger(std::shared_ptr<std::vector<std::string>> losses)
      : losses_(std::move(losses)) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    if (std::string_view(line).find("dropping ") == std::string_view::npos) return;
    const std::lock_guard lock(mutex_);
    losses_->emplace_back(line);
  }

private:
  std::mutex mutex_;
  std::shared_ptr<std::vector<std::string>> losses_;
};

rocksdb::Options options_for(rocksdb::Env* env) {
  rocksdb::Options o;
  if (env != nullptr) o.env = env;
  o.create_if_missing = true;
  o.info_log = std::make_shared<silent_logger>();
  // Strict: the default would drop synced records behind a damaged one without a word.
  o.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  o.paranoid_checks = true;
  o.manual_wal_flush = false;
  o.wal_bytes_per_sync = 0;
  o.unordered_write = false;
  o.track_and_verify_wals_in_manifest = false;
  o.max_bgerror_resume_count = 0; // a failed handle is closed, never resumed
  // The witness lists logs and manifests by their numbers, and knows them by what was appended.
  o.recycle_log_file_num = 0;
  o.verify_sst_unique_id_in_manifest = true;
  o.max_background_jobs = 2;
  o.level0_file_num_compaction_trigger = 8;
  o.write_buffer_size = limits::journal_write_buffer_bytes;
  o.max_write_buffer_number = 3;
  o.compression = rocksdb::kNoCompression;
  o.max_open_files = 128;
  o.max_total_wal_size = 4 * limits::journal_write_buffer_bytes;
  rocksdb::BlockBasedTableOptions table;
  // The index and the filter of a table with half a million files would have some 500 KB each, more
  // than the cache keeps, and be read again for every key. So indexes are read in parts, and tables
  // of the last level have no filter: what is looked for there is mostly there. Filters in parts
  // would not be verified at a start.
  constexpr int shard_bits = 2;
  table.block_cache = rocksdb::NewLRUCache(limits::journal_block_cache_bytes, shard_bits);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  o.optimize_filters_for_hits = true;
  table.format_version = 5; // whatever the library's default is: the data's format is our choice
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return o;
}

// RocksDB names its threads but for its timer, which has the name of the one that opens. An
// exception would end the process there: RocksDB lets through what the standard library throws when
// memory, or the system's threads, have run out. What RocksDB held by then is lost to this process.
journal_result<rocksdb::Status>
in_thread_for_opening(const std::function<rocksdb::Status()>& open) {
  const auto failure = [](const char* why) {
    return journal_error{journal_fault::io, std::string{"the journal cannot be opened: "} + why};
  };
  journal_result<rocksdb::Status> result;
  try {
    std::thread opener([&] {
      try {
        base::name_thread("rocksdb timer");
        result = open();
      } catch (const std::exception& e) {
        result = std::unexpected(failure(e.what()));
      }
    });
    opener.join();
  } catch (const std::system_error& e) { // no thread
    result = std::unexpected(failure(e.what()));
  }
  return result;
}

} // namespace

journal_error database::error_of(const rocksdb::Status& status) {
  const auto text = status.ToString();
  if (status.IsNoSpace()) return {journal_fault::no_space, "the disk of the journal is full"};
  // RocksDB has no code for it, but two sentences: of another process, and of this one.
  if (text.find("While lock file") != std::string::npos ||
      text.find("lock hold by current process") != std::string::npos)
    return {journal_fault::locked, "another Darkroom is using this directory"};
  if (status.IsCorruption()) return {journal_fault::corrupt, "the journal is damaged: " + text};
  return {journal_fault::io, "the journal cannot be read or written: " + text};
}

std::string database::after_all_with(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff')
    prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

journal_result<std::shared_ptr<database>> database::open(const std::string& directory,
                                                         rocksdb::Env* env, mode how) {
  auto made = std::make_shared<database>();
  rocksdb::DB* db = nullptr;
  auto options = options_for(env);
  const bool read_only = how == mode::read_only;
  options.create_if_missing = how == mode::create;
  if (read_only) { // a writer beside it removes tables: all are opened while they are there
    options.max_open_files = -1;
    options.max_file_opening_threads = 1;
  }
  const auto opened = in_thread_for_opening([&] {
    return read_only ? rocksdb::DB::OpenForReadOnly(options, directory, &db)
                     : rocksdb::DB::Open(options, directory, &db);
  });
  made->db_.reset(db);
  if (!opened) return std::unexpected(opened.error());
  const auto& status = *opened;
  if (status.ok()) return made;
  const auto text = status.ToString();
  const auto says = [&text](const char* words) { return text.find(words) != std::string::npos; };
  const bool missing = status.IsNotFound() || says("create_if_missing is false") ||
                       (says("CURRENT") && says("No such file"));
  if (how != mode::create && missing)
    return std::unexpected(journal_error{journal_fault::missing, "there is no journal here"});
  return std::unexpected(error_of(status));
}

namespace {

// The name of the manifest that counts and its size: they change with every change of the lists of
// tables and logs. Empty and 0 when it cannot be read.
std::pair<std::string, std::uintmax_t> manifest_state(const std::string& directory) {
  std::ifstream current(directory + "/CURRENT");
  std::string name;
  if (!std::getline(current, name)) return {};
  std::error_code none;
  const auto bytes = std::filesystem::file_size(directory + '/' + name, none);
  return {std::move(name), none ? 0 : bytes};
}

} // namespace

// RocksDB reads the manifest first, and then the logs that are in the folder. When the writer has
// made a table of a log in between, and has removed the log, its records are in neither, and
// RocksDB does not notice. A log or table goes only after the manifest has changed: where that has
// not, nothing was missed.
journal_result<std::shared_ptr<database>> database::open_beside_writer(const std::string& directory,
                                                                       rocksdb::Env* env) {
  for (std::uint32_t tries = 1;; ++tries) {
    const auto before = manifest_state(directory);
    auto db = open(directory, env, mode::read_only);
    if (db ? manifest_state(directory) == before : db.error().fault == journal_fault::missing)
      return db;
    if (tries == limits::journal_read_tries_max)
      return db ? std::unexpected(journal_error{journal_fault::io,
                                                "the journal changes faster than it can be opened"})
                : std::move(db);
    std::this_thread::sleep_for(std::chrono::milliseconds(limits::journal_read_retry_ms));
  }
}

journal_result<std::shared_ptr<database>>
database::open_damaged(const std::string& directory,
                       std::shared_ptr<std::vector<std::string>> losses) {
  auto made = std::make_shared<database>();
  rocksdb::DB* db = nullptr;
  auto options = options_for(nullptr);
  options.create_if_missing = false;
  options.info_log = std::make_shared<loss_logger>(std::move(losses));
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  options.paranoid_checks = false;
  const auto status = rocksdb::DB::OpenForReadOnly(options, directory, &db);
  made->db_.reset(db);
  if (!status.ok()) return std::unexpected(error_of(status));
  return made;
}

std::string database::unreadable_table() const {
  std::vector<rocksdb::LiveFileMetaData> tables;
  db_->GetLiveFilesMetaData(&tables);
  for (const auto& table : tables) {
    rocksdb::SstFileReader reader(options_for(nullptr));
    if (const auto status = reader.Open(table.db_path + table.name); !status.ok())
      return table.name.substr(1) + ": " + status.ToString();
  }
  return "";
}

journal_result<void> database::repair(const std::string& directory) {
  if (const auto status = rocksdb::RepairDB(directory, options_for(nullptr)); !status.ok())
    return std::unexpected(error_of(status));
  return {};
}

} // namespace darkroom::persistence
