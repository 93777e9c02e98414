#include "persistence/replace_witness.hpp"

#include "persistence/access_records.hpp"
#include "persistence/witness_check.hpp"
#include "persistence/witnessed_open.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <rocksdb/write_batch.h>
#include <system_error>

namespace darkroom::persistence {

namespace {

std::unexpected<journal_error> io_failure(const file_error& error) {
  return std::unexpected(journal_error{journal_fault::io, error.text()});
}

// Nothing when there is no journal, or none of a server.
journal_result<std::optional<journal_identity>> identity_of(const std::string& journal) {
  const auto db = open_unused(journal, nullptr);
  if (!db && db.error().fault == journal_fault::missing) return std::optional<journal_identity>{};
  if (!db) return std::unexpected(db.error());
  const auto meta = read_meta(**db);
  if (!meta) return std::unexpected(meta.error());
  return meta->identity;
}

// Exchanges two names; where only one of them is there, it gets the other name.
file_result<void> exchange(const std::string& a, const std::string& b) {
  std::error_code error;
  const auto exchanged = [&] {
    if (!std::filesystem::exists(a, error)) return ::rename(b.c_str(), a.c_str()) == 0;
    if (!std::filesystem::exists(b, error)) return ::rename(a.c_str(), b.c_str()) == 0;
    return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
  };
  if (!exchanged()) return std::unexpected(last_error("exchanging " + a + " and " + b));
  if (auto ok = sync_directory(parent_of(a)); !ok) return ok;
  return sync_directory(parent_of(b));
}

} // namespace

journal_result<void> vouch_for(const std::string& journal) {
  auto lock = lock_journal(journal);
  if (!lock) return std::unexpected(lock.error());
  const auto made =
      renew_witness({.journal = journal, .blobs = {}, .must_exist = true}, std::move(*lock));
  if (!made) return std::unexpected(made.error());
  return {};
}

journal_result<void> accept_journal(const std::string& journal, std::int64_t now_us) {
  auto lock = lock_journal(journal);
  if (!lock) return std::unexpected(lock.error());
  domain::seq next = 0;
  {
    const auto db = open_unused(journal, nullptr);
    if (!db) return std::unexpected(db.error());
    const auto meta = read_meta(**db);
    if (!meta) return std::unexpected(meta.error());
    next = meta->last_seq + 1;
  }
  audit_entry entry;
  entry.time_us = now_us;
  entry.user = "operator";
  entry.role = role::admin;
  entry.action = "journal.accept";
  entry.status = 200;
  entry.outcome = "ok";
  rocksdb::WriteBatch note;
  note.Put(keys::audit(next), encode_audit(entry));
  note.Put(keys::last_seq(), std::to_string(next));
  const auto made = renew_witness({.journal = journal, .blobs = {}, .must_exist = true},
                                  std::move(*lock), std::move(note));
  if (!made) return std::unexpected(made.error());
  return {};
}

journal_result<void> adopt_journal(const std::string& journal, const std::string& other) {
  auto lock = lock_journal(journal);
  if (!lock && lock.error().fault != journal_fault::missing) return std::unexpected(lock.error());
  const auto other_lock = lock_journal(other);
  // An interrupted call may have left nothing there but the other witness.
  if (!other_lock && other_lock.error().fault != journal_fault::missing)
    return std::unexpected(other_lock.error());
  const auto record = read_witness(other);
  if (!record) return std::unexpected(record.error());
  if (!*record)
    return std::unexpected(journal_error{journal_fault::missing, witness_path(other) +
                                                                     " is missing: without a "
                                                                     "witness, nothing says that " +
                                                                     other + " is complete"});
  const auto here = identity_of(journal); // an error: damaged, which is why it is replaced
  const bool interrupted = here && *here == (*record)->identity;
  if (!interrupted) {
    const auto missing = check_witness(other);
    if (!missing) return std::unexpected(missing.error());
    if (!missing->empty())
      return std::unexpected(journal_error{journal_fault::incomplete, missing->front()});
    if (auto ok = exchange(journal, other); !ok) return io_failure(ok.error());
  }
  if (auto ok = exchange(witness_path(journal), witness_path(other)); !ok)
    return io_failure(ok.error());
  return {};
}

} // namespace darkroom::persistence
