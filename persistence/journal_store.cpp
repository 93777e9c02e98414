#include "persistence/journal_store.hpp"

#include "persistence/database.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/journal_meta.hpp"
#include "persistence/limits.hpp"
#include "persistence/live_index.hpp"
#include "persistence/projections.hpp"
#include "persistence/read_view.hpp"
#include "persistence/torn_tail.hpp"
#include "persistence/witnessed_open.hpp"

#include <algorithm>
#include <array>
#include <rocksdb/write_batch.h>
#include <utility>

namespace darkroom::persistence {

namespace {

using domain::batch_id;
using domain::seq;

const std::string seq_key = keys::last_seq();
const std::string time_key = keys::last_time();
const std::string feed_upto_key = keys::feed_index_upto();

// Returns the last seq that is used.
seq put_record(rocksdb::WriteBatch& to, const access_record& record, seq last) {
  if (const auto* token = std::get_if<token_record>(&record)) {
    to.Put(keys::token(token->id), encode_token(*token));
    return last;
  }
  if (const auto* use = std::get_if<token_use>(&record)) {
    to.Put(keys::use(use->token), std::to_string(use->time_us));
    return last;
  }
  if (const auto* standing = std::get_if<node_standing>(&record)) {
    if (standing->ordinary())
      to.Delete(keys::node(standing->name));
    else
      to.Put(keys::node(standing->name), encode_standing(*standing));
    return last;
  }
  if (const auto* use = std::get_if<day_use>(&record)) {
    to.Put(keys::day(use->owner), encode_day_use(*use));
    return last;
  }
  if (const auto* ratio = std::get_if<cost_ratio>(&record)) {
    if (ratio->files > 0)
      to.Put(keys::cost(ratio->kind), encode_cost_ratio(*ratio));
    else
      to.Delete(keys::cost(ratio->kind));
    return last;
  }
  to.Put(keys::audit(last + 1), encode_audit(std::get<audit_entry>(record)));
  return last + 1;
}

// When it was made; 0 if it cannot be read: then it is forgotten first.
std::int64_t time_of_aged(keys::kind kind, std::string_view value) {
  if (kind == keys::kind::request) {
    const auto record = decode_idempotency(value);
    return record ? record->time_us : 0;
  }
  const auto told = decode_deletion(value);
  return told ? told->time_us : 0;
}

// What is forgotten after a while, and stored by its owner, is found by its time.
void put_age(rocksdb::WriteBatch& to, const domain::event& fact, const std::string& owner, seq at,
             std::int64_t time_us) {
  const auto* created = std::get_if<domain::batch_created>(&fact);
  if (created != nullptr && !created->idempotency_key.empty())
    to.Put(keys::age(time_us, keys::request(created->owner, created->idempotency_key)),
           rocksdb::Slice());
  if (std::holds_alternative<domain::batch_deleted>(fact))
    to.Put(keys::age(time_us, keys::deletion(owner, at)), rocksdb::Slice());
}

// Without a witness.
journal_result<std::shared_ptr<database>> open_alone(const store_options& options) {
  const auto how = options.must_exist ? database::mode::must_exist : database::mode::create;
  auto db = database::open(options.directory, options.env, how);
  if (!db && db.error().fault == journal_fault::corrupt && cut_torn_tail(options.directory))
    db = database::open(options.directory, options.env, how);
  return db;
}

} // namespace

journal_store::journal_store(std::shared_ptr<database> db, std::shared_ptr<witness> vouching)
    : db_(std::move(db)), witness_(std::move(vouching)), live_(std::make_shared<live_index>()),
      view_(std::make_shared<const read_view>(db_, live_)) {}

journal_store::~journal_store() = default;

journal_result<std::unique_ptr<journal_store>> journal_store::open(const store_options& options) {
  witnessed_database opened;
  if (options.blobs.empty()) {
    auto db = open_alone(options);
    if (!db) return std::unexpected(db.error());
    opened.db = std::move(*db);
  } else {
    auto found =
        open_witnessed({options.directory, options.blobs, options.env, options.must_exist});
    if (!found) return std::unexpected(found.error());
    opened = std::move(*found);
  }
  // RocksDB reads its tables when they are asked for: a flipped bit would be found by whoever comes
  // first, perhaps after months.
  if (const auto whole = (*opened.db)->VerifyChecksum(); !whole.ok())
    return std::unexpected(database::error_of(whole));
  std::unique_ptr<journal_store> made(
      new journal_store(std::move(opened.db), std::move(opened.vouching)));
  if (auto ok = made->check_format(); !ok) return std::unexpected(ok.error());
  return made;
}

journal_result<void> journal_store::check_format() {
  const auto meta = read_meta(*db_);
  if (!meta) return std::unexpected(meta.error());
  if (meta->identity && !witness_)
    return std::unexpected(journal_error{journal_fault::incomplete,
                                         "this is the journal of a server's data, which is not "
                                         "opened without its witness"});
  last_seq_ = meta->last_seq;
  if (auto ok = find_newest(meta->last_time_us); !ok) return ok;
  if (auto ok = live_->read(*db_); !ok) return ok;
  auto index = open_feed_index(*db_, last_seq_);
  if (!index) return std::unexpected(index.error());
  feed_index_ = std::move(*index);
  if (meta->format) return {};
  rocksdb::WriteOptions sync;
  sync.sync = true;
  const auto put =
      (*db_)->Put(sync, keys::format(), std::to_string(limits::journal_format_without_witness));
  if (!put.ok()) return std::unexpected(database::error_of(put));
  return {};
}

// Times and ids go on from here, whatever the clock says now.
journal_result<void> journal_store::find_newest(std::int64_t noted_time_us) {
  last_time_us_ = noted_time_us;
  bool first = true;
  auto ok = view_->each_batch_before({}, {}, [&](batch_summary&& batch) {
    if (std::exchange(first, false)) domain::go_on_after(batch.id);
    last_time_us_ = std::max(last_time_us_, batch.changed_us);
    return noted_time_us == 0;
  });
  // Deleted batches have left no id, but a time.
  constexpr std::array<std::uint8_t, 10> greatest{255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
  domain::go_on_after(
      domain::make_batch_id(static_cast<std::uint64_t>(last_time_us_ / 1'000), greatest));
  return ok;
}

// Everything so far is on disk.
void journal_store::vouch() {
  if (witness_ && !witness_->set_last_seq(last_seq_)) ++witness_failures_;
}

void journal_store::sync_witness() {
  if (witness_ && !witness_->sync()) ++witness_failures_;
}

journal_result<journal_store::last_seqs> journal_store::last_of(const batch_id& batch) {
  if (const auto known = last_by_batch_.find(batch); known != last_by_batch_.end())
    return known->second;
  // What its supervisor knows of the last command may be older: it may send several requests before
  // the first is answered.
  // One that cannot be read is no reason to stop: it is written anew.
  const auto summary = view_->summary(batch);
  last_seqs last;
  if (summary && *summary) last.command = (*summary)->command_seq;
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  const std::unique_ptr<rocksdb::Iterator> at((*db_)->NewIterator(options));
  at->SeekForPrev(keys::event(batch, ~seq{0}));
  if (!at->status().ok()) return std::unexpected(database::error_of(at->status()));
  if (at->Valid() && at->key().starts_with(keys::prefix(keys::kind::event, batch)))
    last.any = keys::seq_of(at->key().ToStringView()).value_or(0);
  return last;
}

journal_result<std::vector<journaled_event>>
journal_store::append(std::span<const append_request> requests, bool sync) {
  rocksdb::WriteBatch group;
  std::vector<journaled_event> done;
  std::map<batch_id, const append_request*> newest; // a batch's summary is written once
  std::vector<live_batch> ended;
  feed_run_writer runs(group);
  seq next = last_seq_;
  auto time_us = last_time_us_;
  for (const auto& request : requests) {
    for (const auto& record : request.records)
      next = put_record(group, record, next);
    if (request.records_only) continue;
    const auto before = last_of(request.batch);
    if (!before) return std::unexpected(before.error());
    seq prev = before->any;
    // Requests of several batches may come in another order than their times were taken.
    if (!request.events.empty()) time_us = std::max(time_us, request.time_us);
    auto& last = last_by_batch_[request.batch] = *before;
    last.command = std::max(last.command, request.summary.command_seq);
    for (const auto& fact : request.events) {
      next += 1;
      group.Put(keys::event(request.batch, next), encode_event(fact, prev, time_us));
      project(
          group, *db_,
          {request.batch, next, prev, time_us, request.summary.owner, request.summary.created_us},
          fact);
      put_age(group, fact, request.summary.owner, next, time_us);
      if (std::holds_alternative<domain::batch_deleted>(fact))
        runs.add_deletion(request.batch, request.summary.owner, next);
      else
        runs.add(request.batch, request.summary.owner, next);
      done.push_back({request.batch, next, prev, time_us, fact, request.summary.owner});
      if (domain::is_command_event(fact)) last.command = next;
      prev = next;
    }
    last.any = prev;
    newest[request.batch] = &request;
    // Nothing would remove that of a batch which is deleted by the same request.
    if (request.snapshot && request.summary.phase != domain::batch_phase::deleted)
      group.Put(keys::snapshot(request.batch),
                encode_snapshot(*request.snapshot, prev, last.command));
  }
  for (const auto& [batch, request] : newest) {
    live_batch mark{request->summary.owner, {request->summary.created_us, batch}};
    if (request->summary.phase == domain::batch_phase::deleted) {
      last_by_batch_.erase(batch);
      ended.push_back(std::move(mark));
      continue;
    }
    auto summary = request->summary;
    summary.id = batch;
    summary.seq = last_by_batch_[batch].any;
    summary.command_seq = last_by_batch_[batch].command;
    project_summary(group, summary);
    // Only when it changes: most events of a batch leave it as it is.
    if (is_live(summary)) {
      if (live_->add(mark)) project_live(group, summary);
    } else if (live_->contains(mark)) {
      project_live(group, summary);
      ended.push_back(std::move(mark));
    }
  }
  runs.finish();
  group.Put(seq_key, std::to_string(next));
  group.Put(feed_upto_key, std::to_string(next));
  if (time_us != last_time_us_) group.Put(time_key, std::to_string(time_us));

  rocksdb::WriteOptions options;
  options.sync = sync;
  if (const auto status = (*db_)->Write(options, &group); !status.ok())
    return std::unexpected(database::error_of(status));
  last_seq_ = next;
  feed_index_.upto = next;
  last_time_us_ = time_us;
  for (const auto& mark : ended)
    live_->remove(mark);
  // Only now, since what is in this group cannot be read before it is written. All of them: those
  // that are still written to are read once more.
  if (last_by_batch_.size() > limits::last_seqs_max) last_by_batch_.clear();
  if (sync) vouch();
  return done;
}

journal_result<std::optional<domain::file_index>>
journal_store::purge(const batch_id& batch, domain::file_index from, std::size_t files_max,
                     const std::function<void(const file_record&)>& visit) {
  std::string owner;
  const auto found = (*db_)->Get(rocksdb::ReadOptions(), keys::tombstone(batch), &owner);
  if (found.IsNotFound()) return std::nullopt;
  rocksdb::WriteBatch group;
  std::size_t files = 0;
  const auto own = keys::prefix(keys::kind::upload, batch).substr(1);
  std::optional<domain::file_index> next;
  const auto walked = view_->each_file(batch, from, [&](file_record&& file) {
    if (files == files_max) {
      next = file.index;
      return false;
    }
    files += 1;
    visit(file);
    std::string holder;
    const auto blob = parse_hex(file.entry.source);
    const auto upload = blob ? keys::upload(owner, *blob) : std::string{};
    if (blob && (*db_)->Get(rocksdb::ReadOptions(), upload, &holder).ok() && holder == own)
      group.Delete(upload);
    group.Delete(keys::file(batch, file.index));
    group.Delete(keys::outcome(batch, file.index));
    return true;
  });
  if (!walked) return std::unexpected(walked.error());
  if (!next) {
    const auto more = purge_events(group, batch, owner);
    if (!more) return std::unexpected(more.error());
    if (*more) next = from;
  }
  if (!next) {
    const auto first = keys::prefix(keys::kind::outcome, batch);
    group.DeleteRange(first, first + std::string(9, '\xff'));
    group.Delete(keys::tombstone(batch));
  }
  if (const auto status = (*db_)->Write(rocksdb::WriteOptions(), &group); !status.ok())
    return std::unexpected(database::error_of(status));
  return next;
}

// Returns whether there are more.
journal_result<bool> journal_store::purge_events(rocksdb::WriteBatch& to, const batch_id& batch,
                                                 std::string_view owner) {
  const auto prefix = keys::prefix(keys::kind::event, batch);
  std::string end = prefix + std::string(9, '\xff');
  std::size_t events = 0;
  bool more = false;
  journal_result<void> removed;
  const auto walked = db_->scan(prefix, prefix, [&](std::string_view key, std::string_view) {
    more = events == limits::events_per_purge_max;
    if (more) {
      end = key;
      return false;
    }
    events += 1;
    if (const auto at = keys::seq_of(key)) removed = remove_run(*db_, to, owner, *at);
    return removed.has_value();
  });
  if (!walked) return std::unexpected(walked.error());
  if (!removed) return std::unexpected(removed.error());
  to.DeleteRange(prefix, end);
  return more;
}

journal_result<void> journal_store::index_feed(std::size_t events_max) {
  auto state = extend_feed_index(*db_, feed_index_, events_max);
  if (!state) return std::unexpected(state.error());
  feed_index_ = std::move(*state);
  return {};
}

// Of requests or deletions: both are stored by their owner.
journal_result<void> journal_store::order_by_age(rocksdb::WriteBatch& to, keys::kind kind,
                                                 std::string& next, std::size_t& left) {
  bool more = false;
  auto ok = db_->scan(keys::prefix(kind), next, [&](std::string_view key, std::string_view value) {
    more = left == 0;
    if (more) {
      next = key;
      return false;
    }
    left -= 1;
    to.Put(keys::age(time_of_aged(kind, value), key), rocksdb::Slice());
    return true;
  });
  if (ok && !more) next.clear();
  return ok;
}

// A request may have been made again under its key, when the first was forgotten: then the record
// is younger than what is in the order.
journal_result<void> journal_store::forget_aged(rocksdb::WriteBatch& to, keys::kind kind,
                                                std::int64_t before_us, std::string& next,
                                                std::size_t& left) {
  const auto prefix = keys::age_prefix(kind);
  rocksdb::Status failed;
  const auto forget_one = [&](std::string_view age_key, std::string_view) {
    // Without the rest: a key of the same time may still come that is before this one.
    next = age_key.substr(0, prefix.size() + sizeof(std::int64_t));
    const auto aged = keys::aged_key_of(age_key);
    if (left == 0 || !aged || aged->time_us >= before_us) return false;
    left -= 1;
    to.Delete(rocksdb::Slice(age_key.data(), age_key.size()));
    std::string value;
    const auto found = (*db_)->Get(rocksdb::ReadOptions(), aged->key, &value);
    if (found.IsNotFound()) return true; // another version has forgotten it
    failed = found;
    if (!found.ok() || time_of_aged(kind, value) >= before_us) return found.ok();
    to.Delete(aged->key);
    const auto owned = kind == keys::kind::deletion ? keys::owned_seq_of(aged->key) : std::nullopt;
    if (owned) remove_deletion_run(to, owned->owner, owned->seq);
    return true;
  };
  auto ok = db_->scan(prefix, next, forget_one);
  if (ok && !failed.ok()) return std::unexpected(database::error_of(failed));
  return ok;
}

// Entries are in the order of time: the first that stays ends it.
journal_result<void> journal_store::forget_audit(rocksdb::WriteBatch& to, std::int64_t before_us,
                                                 std::size_t& left) {
  const auto entries = keys::prefix(keys::kind::audit);
  auto ok = db_->scan(entries, forget_.audit, [&](std::string_view key, std::string_view value) {
    const auto entry = decode_audit(0, value);
    if (left == 0 || !entry || entry->time_us >= before_us) return false;
    left -= 1;
    to.Delete(rocksdb::Slice(key.data(), key.size())); // each slice a range: thousands of ranges
    forget_.audit = std::string{key} + '\0';           // right behind this one
    return true;
  });
  return ok;
}

journal_result<bool> journal_store::forget(const kept_since& since, std::size_t records_max) {
  auto left = records_max;
  auto& at = forget_;
  rocksdb::WriteBatch group;
  journal_result<void> ok;
  // What is put in order here is found by the next call: it is not written yet.
  const bool orders = !at.order_requests.empty() || !at.order_deletions.empty();
  if (!at.order_requests.empty())
    ok = order_by_age(group, keys::kind::request, at.order_requests, left);
  else if (orders)
    ok = order_by_age(group, keys::kind::deletion, at.order_deletions, left);
  if (!orders) {
    ok = forget_aged(group, keys::kind::request, since.requests_us, at.requests, left);
    if (ok) ok = forget_aged(group, keys::kind::deletion, since.deletions_us, at.deletions, left);
    if (ok) ok = forget_audit(group, since.audit_us, left);
  }
  if (!ok) return std::unexpected(ok.error());
  if (const auto status = (*db_)->Write(rocksdb::WriteOptions(), &group); !status.ok())
    return std::unexpected(database::error_of(status));
  return orders || left == 0;
}

journal_result<void> journal_store::sync() {
  if (const auto status = (*db_)->SyncWAL(); !status.ok())
    return std::unexpected(database::error_of(status));
  vouch();
  return {};
}

} // namespace darkroom::persistence
