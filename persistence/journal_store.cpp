#include "persistence/journal_store.hpp"

#include "config/limits.hpp"
#include "persistence/database.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/read_view.hpp"

#include <charconv>
#include <rocksdb/write_batch.h>

namespace darkroom::persistence {

namespace {

using domain::batch_id;
using domain::seq;

const std::string format_key = keys::meta("format");
const std::string seq_key = keys::meta("seq"); // the last one that was given out

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A batch that has ended lives on while the last accepted results are being written.
bool has_open_files(const domain::status_counts& counts) {
  for (const auto status :
       {domain::file_status::queued, domain::file_status::running, domain::file_status::retry_wait})
    if (counts[static_cast<std::size_t>(status)] != 0) return true;
  return false;
}

// Adds what one event changes in the projections.
class projector {
public:
  projector(rocksdb::WriteBatch& to, database& db, const batch_id& batch, seq at)
      : to_(to), db_(db), batch_(batch), seq_(at) {}

  void operator()(const domain::files_added& e) {
    auto index = e.first;
    for (const auto& entry : e.entries)
      to_.Put(keys::file(batch_, index++), encode_entry(entry));
  }
  void operator()(const domain::file_removed& e) { to_.Delete(keys::file(batch_, e.index)); }
  void operator()(const domain::spec_changed& e) {
    for (const auto& file : e.files) {
      std::string bytes;
      const auto key = keys::file(batch_, file.index);
      if (!db_->Get(rocksdb::ReadOptions(), key, &bytes).ok()) continue;
      auto entry = decode_entry(bytes);
      if (!entry) continue;
      entry->outputs = file.outputs;
      to_.Put(key, encode_entry(*entry));
    }
  }
  void operator()(const domain::batch_retried& e) {
    for (const auto index : e.files)
      to_.Delete(keys::outcome(batch_, index));
  }
  void operator()(const domain::file_completed& e) { put_outcome(e.index, e); }
  void operator()(const domain::file_failed& e) { put_outcome(e.index, e); }
  void operator()(const domain::file_retry_scheduled& e) { put_outcome(e.index, e); }
  void operator()(const auto&) {}

private:
  void put_outcome(domain::file_index index, const domain::event& e) {
    to_.Put(keys::outcome(batch_, index), encode_outcome(e, seq_));
  }
  rocksdb::WriteBatch& to_;
  database& db_;
  const batch_id& batch_;
  seq seq_;
};

} // namespace

journal_store::journal_store(std::shared_ptr<database> db)
    : db_(std::move(db)), view_(std::make_shared<const read_view>(db_)) {}

journal_store::~journal_store() = default;

journal_result<std::unique_ptr<journal_store>> journal_store::open(const store_options& options) {
  auto db = database::open(options.directory, options.env, false);
  if (!db) return std::unexpected(db.error());
  std::unique_ptr<journal_store> made(new journal_store(std::move(*db)));
  if (auto ok = made->check_format(); !ok) return std::unexpected(ok.error());
  return made;
}

journal_result<void> journal_store::check_format() {
  std::string value;
  const auto found = (*db_)->Get(rocksdb::ReadOptions(), format_key, &value);
  if (found.IsNotFound()) {
    rocksdb::WriteOptions sync;
    sync.sync = true;
    const auto put = (*db_)->Put(sync, format_key, std::to_string(limits::journal_format_version));
    if (!put.ok()) return std::unexpected(database::error_of(put));
    return {};
  }
  if (!found.ok()) return std::unexpected(database::error_of(found));
  const auto version = parse_number(value);
  if (!version)
    return std::unexpected(
        journal_error{journal_fault::corrupt, "the journal's format version is unreadable"});
  if (*version > limits::journal_format_version)
    return std::unexpected(journal_error{
        journal_fault::newer, "the journal has format " + value + ", this Darkroom knows up to " +
                                  std::to_string(limits::journal_format_version) +
                                  "; use a newer Darkroom"});
  if ((*db_)->Get(rocksdb::ReadOptions(), seq_key, &value).ok())
    last_seq_ = parse_number(value).value_or(0);
  return {};
}

seq journal_store::last_of(const batch_id& batch) {
  if (const auto known = last_by_batch_.find(batch); known != last_by_batch_.end())
    return known->second;
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  const std::unique_ptr<rocksdb::Iterator> at((*db_)->NewIterator(options));
  at->SeekForPrev(keys::event(batch, ~seq{0}));
  if (!at->Valid() || !at->key().starts_with(keys::prefix(keys::kind::event, batch))) return 0;
  return keys::seq_of(at->key().ToStringView()).value_or(0);
}

journal_result<std::vector<journaled_event>>
journal_store::append(std::span<const append_request> requests, bool sync) {
  rocksdb::WriteBatch group;
  std::vector<journaled_event> done;
  std::map<batch_id, const append_request*> newest; // a batch's summary is written once
  seq next = last_seq_;
  for (const auto& request : requests) {
    seq prev = last_of(request.batch);
    for (const auto& fact : request.events) {
      next += 1;
      group.Put(keys::event(request.batch, next), encode_event(fact, prev, request.time_us));
      projector project(group, *db_, request.batch, next);
      std::visit(project, fact);
      done.push_back({request.batch, next, prev, request.time_us, fact});
      prev = next;
    }
    last_by_batch_[request.batch] = prev;
    newest[request.batch] = &request;
    if (request.snapshot)
      group.Put(keys::snapshot(request.batch), encode_snapshot(*request.snapshot, prev));
  }
  for (const auto& [batch, request] : newest) {
    auto summary = request->summary;
    summary.seq = last_by_batch_[batch];
    group.Put(keys::batch(batch), encode_summary(summary));
    if (domain::is_terminal(summary.phase) && !has_open_files(summary.counts))
      group.Delete(keys::live(batch));
    else
      group.Put(keys::live(batch), rocksdb::Slice());
  }
  for (const auto& e : done)
    if (std::holds_alternative<domain::batch_created>(e.fact))
      group.Put(keys::owner(std::get<domain::batch_created>(e.fact).owner, e.time_us, e.batch),
                rocksdb::Slice());
  group.Put(seq_key, std::to_string(next));

  rocksdb::WriteOptions options;
  options.sync = sync;
  if (const auto status = (*db_)->Write(options, &group); !status.ok())
    return std::unexpected(database::error_of(status));
  last_seq_ = next;
  return done;
}

journal_result<void> journal_store::sync() {
  if (const auto status = (*db_)->SyncWAL(); !status.ok())
    return std::unexpected(database::error_of(status));
  return {};
}

} // namespace darkroom::persistence
