// The index of changes: which batch the events of each stretch of seqs belong to, among all batches
// and among those of one owner. A feed that has missed a few events reads these few, however many
// batches there are.
//
// A run is events of one batch with consecutive seqs that were written together. It is stored under
// the seq of its last event:
//
//   batch id (16) · number of events (4), at least 1
//   batch id (16) · 0 (4) · owner                      a deletion: its event is read from the
//                                                      owner's deletions, and outlives the batch
//
// Each event is in one run. Runs are written with their events, by the same write. What a version
// without the index has written is added later, in slices, by batch: `feed_from` is the seq after
// which every event is indexed (0: all are), `feed_position` the key at which the next slice
// begins, `feed_upto` the journal's last seq. If that differs from the journal's own, another
// version has written since: the index is dropped and made again.
#pragma once

#include "persistence/journal_error.hpp"
#include "persistence/records.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rocksdb {
class Snapshot;
class WriteBatch;
} // namespace rocksdb

namespace darkroom::persistence {

class database;

struct feed_run {
  domain::batch_id batch;
  domain::seq first = 0, last = 0;
  // Of a deletion; nothing: these are events of a batch.
  std::optional<std::string> deleted_by; // the owner
  bool operator==(const feed_run&) const = default;
};

std::string encode_run(const feed_run& run);
// `last` is in the key.
std::optional<feed_run> decode_run(domain::seq last, std::string_view value);

// Adds the runs of events that are written together, in the order of their seqs.
class feed_run_writer {
public:
  explicit feed_run_writer(rocksdb::WriteBatch& to) : to_(to) {}
  void add(const domain::batch_id& batch, std::string_view owner, domain::seq at);
  void add_deletion(const domain::batch_id& batch, std::string_view owner, domain::seq at);
  void finish(); // after the last one

private:
  void put(const feed_run& run, std::string_view owner);
  rocksdb::WriteBatch& to_;
  std::optional<feed_run> open_;
  std::string owner_; // of the open one
};

struct feed_index_state {
  domain::seq from = 0, upto = 0;
  std::string position;
  bool complete() const { return from == 0; }
  // Whether all events after this seq can be found by the index.
  bool covers(domain::seq after, domain::seq journal_last) const {
    return upto == journal_last && after >= from;
  }
};

// Nothing when there is none yet.
journal_result<std::optional<feed_index_state>>
read_feed_index(database& db, const rocksdb::Snapshot* moment = nullptr);

// Of a journal that has just been opened: drops an index that another version has not kept up.
journal_result<feed_index_state> open_feed_index(database& db, domain::seq journal_last);

// Indexes up to `events_max` events that are older than the index. No other writer may be active.
journal_result<feed_index_state> extend_feed_index(database& db, feed_index_state state,
                                                   std::size_t events_max);

// Takes what leads to one event out of the index, if that is the last of a run. The run of a
// deletion stays: it goes with the record of the deletion.
journal_result<void> remove_run(database& db, rocksdb::WriteBatch& to, std::string_view owner,
                                domain::seq last);
void remove_deletion_run(rocksdb::WriteBatch& to, std::string_view owner, domain::seq last);

// Everything in the index that contradicts the events, one sentence each.
journal_result<std::vector<std::string>> check_feed_index(database& db);

} // namespace darkroom::persistence
