#include "persistence/feed_index.hpp"

#include "base/decimal.hpp"
#include "persistence/database.hpp"
#include "persistence/event_codec.hpp"

#include <rocksdb/write_batch.h>
#include <utility>

namespace darkroom::persistence {

namespace {

using domain::batch_id;
using domain::seq;

constexpr std::size_t id_bytes = 16;
constexpr std::size_t count_bytes = 4;

journal_result<std::optional<std::string>> get_index_value(database& db, const std::string& key,
                                                           const rocksdb::Snapshot* moment) {
  rocksdb::ReadOptions options;
  options.snapshot = moment;
  std::string value;
  const auto found = db->Get(options, key, &value);
  if (found.IsNotFound()) return std::optional<std::string>{};
  if (!found.ok()) return std::unexpected(database::error_of(found));
  return std::optional(std::move(value));
}

journal_result<void> write_index(database& db, rocksdb::WriteBatch& group) {
  if (const auto status = db->Write(rocksdb::WriteOptions(), &group); !status.ok())
    return std::unexpected(database::error_of(status));
  return {};
}

void drop_kind(rocksdb::WriteBatch& to, keys::kind kind) {
  const auto next = static_cast<keys::kind>(static_cast<char>(kind) + 1);
  to.DeleteRange(keys::prefix(kind), keys::prefix(next));
}

// Walks deletions, then events, from where the last slice ended.
class slice_indexer {
public:
  slice_indexer(database& db, feed_index_state state, std::size_t steps_max)
      : db_(db), state_(std::move(state)), steps_left_(steps_max), runs_(group_) {
    if (state_.position.empty()) state_.position = deletions_;
  }

  journal_result<feed_index_state> run() {
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
    if (state_.position.starts_with(deletions_)) add_deletions(*at);
    if (state_.position.starts_with(events_) && !failed_) add_events(*at);
    if (!at->status().ok()) return std::unexpected(database::error_of(at->status()));
    if (failed_) return std::unexpected(*failed_);
    runs_.finish();
    if (state_.position.empty()) {
      state_.from = 0;
      group_.Put(keys::feed_index_from(), "0");
      group_.Delete(keys::feed_index_position());
    } else {
      group_.Put(keys::feed_index_position(), state_.position);
    }
    if (auto ok = write_index(db_, group_); !ok) return std::unexpected(ok.error());
    return std::move(state_);
  }

private:
  // False: this slice is full, and the next begins at the iterator's key.
  bool step(const rocksdb::Iterator& at) {
    if (steps_left_ == 0) {
      state_.position = at.key().ToString();
      return false;
    }
    steps_left_ -= 1;
    return true;
  }

  void add_deletions(rocksdb::Iterator& at) {
    for (at.Seek(state_.position); at.Valid() && at.key().starts_with(deletions_); at.Next()) {
      if (!step(at)) return;
      const auto owned = keys::owned_seq_of(at.key().ToStringView());
      const auto told = decode_deletion(at.value().ToStringView());
      if (owned && told && owned->seq <= state_.from)
        runs_.add_deletion(told->batch, owned->owner, owned->seq);
    }
    state_.position = events_;
  }

  void add_events(rocksdb::Iterator& at) {
    std::optional<batch_id> batch;
    std::optional<std::string> owner; // nothing: the batch is not there any more
    at.Seek(state_.position);
    while (at.Valid() && at.key().starts_with(events_)) {
      if (!step(at)) return;
      const auto id = keys::batch_of(at.key().ToStringView());
      const auto seq_here = keys::seq_of(at.key().ToStringView());
      if (!id || !seq_here) { // `verify` names it
        at.Next();
        continue;
      }
      if (batch != *id) {
        batch = *id;
        owner = owner_of(*id);
        if (failed_) return;
      }
      if (!owner || *seq_here > state_.from) {
        at.Seek(keys::event(*id, ~seq{0}) + '\0'); // the next batch
        continue;
      }
      runs_.add(*id, *owner, *seq_here);
      at.Next();
    }
    state_.position.clear();
  }

  std::optional<std::string> owner_of(const batch_id& id) {
    const auto bytes = get_index_value(db_, keys::batch(id), nullptr);
    if (!bytes) failed_ = bytes.error();
    if (!bytes || !*bytes) return std::nullopt;
    const auto summary = decode_summary(**bytes);
    if (!summary)
      failed_ = journal_error{journal_fault::corrupt,
                              "batch " + domain::to_string(id) + ": its summary cannot be read"};
    return summary ? std::optional{summary->owner} : std::nullopt;
  }

  database& db_;
  feed_index_state state_;
  std::size_t steps_left_;
  rocksdb::WriteBatch group_;
  feed_run_writer runs_;
  std::optional<journal_error> failed_;
  const std::string deletions_ = keys::prefix(keys::kind::deletion);
  const std::string events_ = keys::prefix(keys::kind::event);
};

} // namespace

std::string encode_run(const feed_run& run) {
  std::string value(reinterpret_cast<const char*>(run.batch.bytes.data()), id_bytes);
  const auto count =
      run.deleted_by ? std::uint32_t{0} : static_cast<std::uint32_t>(run.last - run.first + 1);
  for (int shift = 24; shift >= 0; shift -= 8)
    value += static_cast<char>(count >> shift);
  if (run.deleted_by) value += *run.deleted_by;
  return value;
}

std::optional<feed_run> decode_run(seq last, std::string_view value) {
  if (value.size() < id_bytes + count_bytes) return std::nullopt;
  feed_run run;
  run.last = last;
  std::copy_n(value.begin(), id_bytes, run.batch.bytes.begin());
  std::uint32_t count = 0;
  for (const char c : value.substr(id_bytes, count_bytes))
    count = count << 8 | static_cast<unsigned char>(c);
  const auto rest = value.substr(id_bytes + count_bytes);
  if (count == 0) {
    run.first = last;
    run.deleted_by = std::string{rest};
    return run;
  }
  if (count > last || !rest.empty()) return std::nullopt;
  run.first = last - count + 1;
  return run;
}

void feed_run_writer::put(const feed_run& run, std::string_view owner) {
  const auto value = encode_run(run);
  to_.Put(keys::change(run.last), value);
  to_.Put(keys::own_change(owner, run.last), value);
}

void feed_run_writer::add(const batch_id& batch, std::string_view owner, seq at) {
  if (open_ && open_->batch == batch && open_->last + 1 == at) {
    open_->last = at;
    return;
  }
  finish();
  open_ = feed_run{batch, at, at, {}};
  owner_ = owner;
}

void feed_run_writer::add_deletion(const batch_id& batch, std::string_view owner, seq at) {
  finish();
  put({batch, at, at, std::string{owner}}, owner);
}

void feed_run_writer::finish() {
  if (open_) put(*open_, owner_);
  open_.reset();
}

journal_result<std::optional<feed_index_state>> read_feed_index(database& db,
                                                                const rocksdb::Snapshot* moment) {
  const auto from = get_index_value(db, keys::feed_index_from(), moment);
  if (!from) return std::unexpected(from.error());
  const auto upto = get_index_value(db, keys::feed_index_upto(), moment);
  if (!upto) return std::unexpected(upto.error());
  auto position = get_index_value(db, keys::feed_index_position(), moment);
  if (!position) return std::unexpected(position.error());
  if (!*from || !*upto) return std::optional<feed_index_state>{};
  const auto first = base::parse_decimal(**from);
  const auto last = base::parse_decimal(**upto);
  if (!first || !last) return std::optional<feed_index_state>{}; // it is made again
  return std::optional(feed_index_state{*first, *last, std::move(*position).value_or("")});
}

journal_result<feed_index_state> open_feed_index(database& db, seq journal_last) {
  auto found = read_feed_index(db);
  if (!found) return std::unexpected(found.error());
  if (*found && (*found)->upto == journal_last) return std::move(**found);
  rocksdb::WriteBatch group;
  drop_kind(group, keys::kind::change);
  drop_kind(group, keys::kind::own_change);
  feed_index_state state{journal_last, journal_last, {}};
  group.Put(keys::feed_index_from(), std::to_string(journal_last));
  group.Put(keys::feed_index_upto(), std::to_string(journal_last));
  group.Delete(keys::feed_index_position());
  if (auto ok = write_index(db, group); !ok) return std::unexpected(ok.error());
  return state;
}

journal_result<feed_index_state> extend_feed_index(database& db, feed_index_state state,
                                                   std::size_t events_max) {
  if (state.complete()) return state;
  return slice_indexer(db, std::move(state), events_max).run();
}

journal_result<void> remove_run(database& db, rocksdb::WriteBatch& to, std::string_view owner,
                                seq last) {
  const auto value = get_index_value(db, keys::change(last), nullptr);
  if (!value) return std::unexpected(value.error());
  const auto run = *value ? decode_run(last, **value) : std::nullopt;
  if (*value && !(run && run->deleted_by)) remove_deletion_run(to, owner, last);
  return {};
}

void remove_deletion_run(rocksdb::WriteBatch& to, std::string_view owner, seq last) {
  to.Delete(keys::change(last));
  to.Delete(keys::own_change(owner, last));
}

} // namespace darkroom::persistence
