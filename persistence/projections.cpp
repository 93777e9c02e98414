#include "persistence/projections.hpp"

#include "persistence/access_records.hpp"
#include "persistence/database.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/limits.hpp"
#include "persistence/live_index.hpp"

#include <rocksdb/write_batch.h>

namespace darkroom::persistence {

namespace {

// Adds what one event changes in the projections.
class projector {
public:
  projector(rocksdb::WriteBatch& to, database& db, const projection_place& at)
      : to_(to), db_(db), at_(at), batch_(at.batch), owner_(at.owner) {}

  void operator()(const domain::batch_created& e) {
    to_.Put(keys::owner(e.owner, at_.created_us, batch_), rocksdb::Slice());
    if (!e.idempotency_key.empty())
      to_.Put(keys::request(e.owner, e.idempotency_key),
              encode_idempotency({batch_, e.request_sha256, at_.time_us, at_.seq, at_.created_us}));
  }

  void operator()(const domain::files_added& e) {
    auto index = e.first;
    for (const auto& entry : e.entries) {
      to_.Put(keys::file(batch_, index++), encode_entry(entry));
      if (const auto blob = parse_hex(entry.source))
        to_.Put(keys::upload(owner_, *blob), batch_bytes());
    }
  }
  void operator()(const domain::file_removed& e) { to_.Delete(keys::file(batch_, e.index)); }
  void operator()(const domain::spec_changed& e) { rename_outputs(e.files); }
  void operator()(const domain::files_replanned& e) { rename_outputs(e.files); }
  void operator()(const domain::batch_deleted& e) {
    to_.Put(keys::deletion(owner_, at_.seq),
            batch_bytes() + encode_event(e, at_.prev, at_.time_us));
    to_.Put(keys::tombstone(batch_), owner_);
    to_.Delete(keys::batch(batch_));
    to_.Delete(keys::live(batch_));
    to_.Delete(keys::snapshot(batch_));
    to_.Delete(keys::owner(owner_, at_.created_us, batch_));
  }
  void operator()(const domain::batch_retried& e) {
    for (std::size_t i = 0; i < e.files.size();) {
      std::size_t end = i + 1;
      while (end < e.files.size() && e.files[end] == e.files[end - 1] + 1)
        ++end;
      if (end - i >= limits::outcomes_per_range_min)
        to_.DeleteRange(keys::outcome(batch_, e.files[i]),
                        keys::outcome(batch_, e.files[end - 1] + 1));
      else
        for (std::size_t file = i; file < end; ++file)
          to_.Delete(keys::outcome(batch_, e.files[file]));
      i = end;
    }
  }
  void operator()(const domain::file_completed& e) { put_outcome(e.index, e); }
  void operator()(const domain::file_failed& e) { put_outcome(e.index, e); }
  void operator()(const domain::file_retry_scheduled& e) { put_outcome(e.index, e); }
  void operator()(const auto&) {}

private:
  void rename_outputs(const std::vector<domain::replanned_file>& files) {
    std::string bytes;
    for (const auto& file : files) {
      const auto key = keys::file(batch_, file.index);
      if (!db_->Get(rocksdb::ReadOptions(), key, &bytes).ok()) continue;
      auto entry = decode_entry(bytes);
      if (!entry) continue;
      entry->outputs = file.outputs;
      to_.Put(key, encode_entry(*entry));
    }
  }
  void put_outcome(domain::file_index index, const domain::event& e) {
    to_.Put(keys::outcome(batch_, index), encode_outcome(e, at_.seq));
  }
  std::string batch_bytes() const { return keys::prefix(keys::kind::upload, batch_).substr(1); }
  rocksdb::WriteBatch& to_;
  database& db_;
  const projection_place& at_;
  const domain::batch_id& batch_;
  const std::string owner_;
};

} // namespace

void project(rocksdb::WriteBatch& to, database& db, const projection_place& at,
             const domain::event& fact) {
  std::visit(projector(to, db, at), fact);
}

void describe(batch_summary& summary, const domain::batch_state& state) {
  summary.owner = state.owner;
  attributes_of(summary) = state;
  summary.spec = state.spec;
  summary.phase = state.phase;
  summary.counts = state.counts;
  summary.bytes_in = state.bytes_in;
  summary.bytes_out = state.bytes_out;
  summary.sealed = state.sealed;
  summary.bytes_added = state.bytes_added;
  summary.pixels = state.pixels;
  summary.unplanned_from = state.unplanned_from;
  summary.unplanned_upto = state.unplanned_upto;
}

void project_summary(rocksdb::WriteBatch& to, const batch_summary& summary) {
  to.Put(keys::batch(summary.id), encode_summary(summary));
}

void project_live(rocksdb::WriteBatch& to, const batch_summary& summary) {
  if (is_live(summary))
    to.Put(keys::live(summary.id), encode_live({summary.owner, {summary.created_us, summary.id}}));
  else
    to.Delete(keys::live(summary.id));
}

} // namespace darkroom::persistence
