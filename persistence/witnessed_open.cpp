#include "persistence/witnessed_open.hpp"

#include "base/random.hpp"
#include "persistence/data_check.hpp"
#include "persistence/limits.hpp"
#include "persistence/read_view.hpp"
#include "persistence/torn_tail.hpp"
#include "persistence/tracked_file_system.hpp"
#include "persistence/witness_check.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>
#include <sys/file.h>
#include <system_error>

namespace darkroom::persistence {

namespace {

namespace fs = std::filesystem;

std::unexpected<journal_error> refuse_incomplete(std::string what) {
  return std::unexpected(journal_error{journal_fault::incomplete, std::move(what)});
}

std::string lines_of(const std::vector<std::string>& sentences) {
  std::string text;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    if (i == limits::missing_sentences_max) {
      text += "\n  and " + std::to_string(sentences.size() - i) + " more";
      break;
    }
    text += "\n  " + sentences[i];
  }
  return text;
}

bool has_journal(const std::string& journal) {
  std::error_code error;
  return fs::exists(journal + "/CURRENT", error);
}

// A start that was killed while it made the journal leaves neither.
bool has_tables_or_logs(const std::string& journal) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(journal, error))
    if (entry.path().extension() == ".sst" || entry.path().extension() == ".log") return true;
  return false;
}

// Blobs have names of 62 digits in folders of two.
bool has_blobs(const std::string& blobs) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(blobs, error), end; !error && at != end;
       at.increment(error))
    if (at->is_regular_file(error) && at->path().filename().string().size() == 62) return true;
  return false;
}

// What a database needs as long as it is open.
struct open_parts {
  base::unique_fd lock;
  std::shared_ptr<witness> vouching;
  std::unique_ptr<rocksdb::Env> env;
};

// For writing, its files tracked by the witness that is there.
journal_result<witnessed_database> open_tracked(const witnessed_options& options,
                                                base::unique_fd lock) {
  auto opened = witness::open(options.journal);
  if (!opened) return std::unexpected(opened.error());
  auto parts = std::make_shared<open_parts>();
  parts->lock = std::move(lock);
  parts->vouching = std::move(*opened);
  auto* env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  parts->env = rocksdb::NewCompositeEnv(
      std::make_shared<tracked_file_system>(env->GetFileSystem(), parts->vouching));
  const auto how = options.must_exist ? database::mode::must_exist : database::mode::create;
  auto db = database::open(options.journal, parts->env.get(), how);
  if (!db) return std::unexpected(db.error());
  (*db)->keep(parts);
  return witnessed_database{std::move(*db), parts->vouching};
}

// A journal of format 1 has nothing that vouches for it: it has to agree with itself and the blobs.
journal_result<void> check_unwitnessed(const std::shared_ptr<database>& db,
                                       const std::string& blobs) {
  if (const auto whole = (*db)->VerifyChecksum(); !whole.ok())
    return std::unexpected(database::error_of(whole));
  const auto report = check_data(read_view(db), blobs, false);
  if (!report) return std::unexpected(report.error());
  auto wrong = report->journal;
  wrong.insert(wrong.end(), report->files.begin(), report->files.end());
  if (!wrong.empty())
    return refuse_incomplete(
        "the journal has no witness yet, and does not agree with itself or the "
        "blobs:" +
        lines_of(wrong));
  if (report->batches == 0 && has_blobs(blobs))
    return refuse_incomplete("there are blobs in " + blobs +
                             ", but no batch in the journal, and nothing vouches for it");
  return {};
}

journal_result<void> check_vouched(const witnessed_options& options, const witness_record& record,
                                   const std::shared_ptr<database>& db, const journal_meta& meta) {
  auto missing = missing_files(options.journal, record);
  if (meta.last_seq < record.last_seq)
    missing.push_back(shorter_text(meta.last_seq, record.last_seq));
  if (!missing.empty()) return refuse_incomplete("the journal is incomplete:" + lines_of(missing));
  if (!meta.identity)
    return refuse_incomplete(options.journal +
                             " is a journal of an older Darkroom, not the one "
                             "that " +
                             witness_path(options.journal) + " belongs to");
  if (record.last_seq != 0 || !has_blobs(options.blobs)) return {};
  const auto batches = read_view(db).batches();
  if (!batches) return std::unexpected(batches.error());
  if (batches->empty())
    return refuse_incomplete("there are blobs in " + options.blobs +
                             ", but the journal never had a batch");
  return {};
}

// The journal has the identity that its new witness has.
journal_result<void> finish_new(witness& vouching, domain::seq last) {
  auto noted = vouching.set_last_seq(last);
  if (noted) noted = vouching.clear_new();
  if (!noted) return std::unexpected(journal_error{journal_fault::io, noted.error().text()});
  return {};
}

} // namespace

journal_result<base::unique_fd> lock_journal(const std::string& journal) {
  base::unique_fd folder{::open(journal.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder && errno == ENOENT)
    return std::unexpected(journal_error{journal_fault::missing, "there is no journal here"});
  if (!folder)
    return std::unexpected(
        journal_error{journal_fault::io, last_error("opening " + journal).text()});
  // Where a file system has no such locks, RocksDB's own lock is left, which comes a step later.
  if (::flock(folder.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return std::unexpected(
        journal_error{journal_fault::locked, "another Darkroom is using this directory"});
  return folder;
}

journal_result<std::shared_ptr<database>> open_unused(const std::string& journal,
                                                      rocksdb::Env* env) {
  auto db = database::open(journal, env, database::mode::read_only);
  if (!db && db.error().fault == journal_fault::corrupt && cut_torn_tail(journal))
    db = database::open(journal, env, database::mode::read_only);
  return db;
}

journal_result<witnessed_database> renew_witness(const witnessed_options& options,
                                                 base::unique_fd lock, rocksdb::WriteBatch more) {
  witness_record record;
  record.is_new = true;
  base::fill_random(record.identity);
  if (auto ok = write_witness(options.journal, record); !ok) return std::unexpected(ok.error());
  auto opened = open_tracked(options, std::move(lock));
  if (!opened) return opened;
  more.Put(keys::identity(), rocksdb::Slice(reinterpret_cast<const char*>(record.identity.data()),
                                            record.identity.size()));
  more.Put(keys::format(), std::to_string(limits::journal_format_version));
  rocksdb::WriteOptions sync;
  sync.sync = true;
  if (const auto put = (*opened->db)->Write(sync, &more); !put.ok())
    return std::unexpected(database::error_of(put));
  const auto meta = read_meta(*opened->db);
  if (!meta) return std::unexpected(meta.error());
  if (auto ok = finish_new(*opened->vouching, meta->last_seq); !ok)
    return std::unexpected(ok.error());
  return opened;
}

journal_result<witnessed_database> open_witnessed(const witnessed_options& options) {
  auto lock = lock_journal(options.journal);
  if (!lock) return std::unexpected(lock.error());
  const auto record = read_witness(options.journal);
  if (!record) return std::unexpected(record.error());
  const bool vouched = *record && !(*record)->is_new;

  if (!has_journal(options.journal)) {
    if (vouched)
      return refuse_incomplete("there is no journal in " + options.journal +
                               ", but its witness is beside it");
    if (options.must_exist || has_tables_or_logs(options.journal) || has_blobs(options.blobs))
      return std::unexpected(journal_error{journal_fault::missing, "there is no journal here"});
    return renew_witness(options, std::move(*lock));
  }

  auto unused = open_unused(options.journal, options.env);
  if (!unused) return std::unexpected(unused.error());
  const auto meta = read_meta(**unused);
  if (!meta) return std::unexpected(meta.error());
  if (*record && meta->identity && *meta->identity != (*record)->identity)
    return refuse_incomplete(options.journal + " is not the journal that " +
                             witness_path(options.journal) + " belongs to");
  if (!*record && meta->identity)
    return refuse_incomplete(witness_path(options.journal) +
                             " is missing: it cannot be said whether the journal is complete");

  if (vouched) {
    if (auto ok = check_vouched(options, **record, *unused, *meta); !ok)
      return std::unexpected(ok.error());
  } else if (!meta->identity) { // an upgrade, perhaps one that was interrupted
    if (auto ok = check_unwitnessed(*unused, options.blobs); !ok)
      return std::unexpected(ok.error());
    unused->reset();
    return renew_witness(options, std::move(*lock));
  }
  unused->reset();
  auto opened = open_tracked(options, std::move(*lock));
  if (!opened || vouched) return opened;
  // Killed between the identity and the end of the first start: all of it is there.
  if (auto ok = finish_new(*opened->vouching, meta->last_seq); !ok)
    return std::unexpected(ok.error());
  return opened;
}

} // namespace darkroom::persistence
