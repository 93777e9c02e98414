// The journal on disk: events, and the projections that are written with them. One writer; readers
// take a `read_view`.
#pragma once

#include "persistence/access_records.hpp"
#include "persistence/feed_index.hpp"
#include "persistence/journal_error.hpp"
#include "persistence/keys.hpp"
#include "persistence/records.hpp"

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace rocksdb {
class Env;
class WriteBatch;
} // namespace rocksdb

namespace darkroom::persistence {

class database;
class live_index;
class read_view;
class witness;

// What one supervisor wants journaled in one piece.
struct append_request {
  domain::batch_id batch;
  std::int64_t time_us = 0;
  std::vector<domain::event> events;
  batch_summary summary;                               // after the events; its seqs are filled in
  std::shared_ptr<const domain::batch_state> snapshot; // after the events; null: none is due
  std::vector<access_record> records;                  // written with the events
  bool records_only = false;                           // there is no batch
};

struct store_options {
  std::string directory;
  rocksdb::Env* env = nullptr; // null: the real one
  // It is being opened again: one that has vanished must not be replaced by an empty one.
  bool must_exist = false;
  // Of a server: where the blobs are that this journal refers to. Then the journal has a witness
  // (witness.hpp), and is opened only if nothing of it is missing. Empty: it has none.
  std::string blobs;
};

class journal_store {
public:
  // Opens or creates it. Strict: what was synced and cannot be read is an error, never skipped; a
  // torn tail that was not synced is silently cut.
  static journal_result<std::unique_ptr<journal_store>> open(const store_options& options);
  ~journal_store();
  journal_store(const journal_store&) = delete;
  journal_store& operator=(const journal_store&) = delete;

  // Writes all requests in one batch, in order, each event with the next seq, and none with a time
  // before the one ahead of it; with `sync`, they and everything before them are on disk
  // afterwards. After an error nothing more may be written here: close, and open again.
  journal_result<std::vector<journaled_event>> append(std::span<const append_request> requests,
                                                      bool sync);
  // Removes the records of a deleted batch in slices: up to `files_max` files from `from` on; once
  // no files are left, up to `events_per_purge_max` events. `visit` is called for each file before
  // it is removed; what belongs to it may be removed only once this call has succeeded. Returns the
  // index to continue from; nothing when all records are gone.
  journal_result<std::optional<domain::file_index>>
  purge(const domain::batch_id& batch, domain::file_index from, std::size_t files_max,
        const std::function<void(const file_record&)>& visit);
  // Forgets requests with an idempotency key, deletions of batches, and entries of the audit, that
  // are older; looks at `records_max` at most. Returns whether there may be more. The first calls
  // walk all requests and deletions, and add those to the order by time that a version without it
  // has written.
  struct kept_since {
    std::int64_t requests_us = 0, deletions_us = 0, audit_us = 0;
  };
  journal_result<bool> forget(const kept_since& since, std::size_t records_max);

  // Whether a feed finds every event by the index of changes. A journal of an older version has
  // none at first; each call adds about so many events. Feeds read without it meanwhile.
  bool feed_is_indexed() const { return feed_index_.complete(); }
  journal_result<void> index_feed(std::size_t events_max);

  // Puts on disk what was appended without `sync`.
  journal_result<void> sync();
  // Puts on disk what the witness knows; about once a second is enough, since the journal itself is
  // synced before its witness hears of it.
  void sync_witness();
  // How often the witness could not be written: it then lags behind the journal, which is safe.
  std::uint64_t witness_failures() const { return witness_failures_; }

  domain::seq last_seq() const { return last_seq_; }
  // The newest time of an event; 0: there is none.
  std::int64_t last_time_us() const { return last_time_us_; }
  std::shared_ptr<const read_view> view() const { return view_; }

private:
  journal_store(std::shared_ptr<database> db, std::shared_ptr<witness> vouching);
  journal_result<void> check_format();
  journal_result<void> find_newest(std::int64_t noted_time_us);
  void vouch();
  journal_result<void> order_by_age(rocksdb::WriteBatch& to, keys::kind kind, std::string& next,
                                    std::size_t& left);
  journal_result<void> forget_aged(rocksdb::WriteBatch& to, keys::kind kind, std::int64_t before_us,
                                   std::string& next, std::size_t& left);
  journal_result<void> forget_audit(rocksdb::WriteBatch& to, std::int64_t before_us,
                                    std::size_t& left);
  journal_result<bool> purge_events(rocksdb::WriteBatch& to, const domain::batch_id& batch,
                                    std::string_view owner);
  struct last_seqs {
    domain::seq any = 0, command = 0;
  };
  journal_result<last_seqs> last_of(const domain::batch_id& batch);

  std::shared_ptr<database> db_;
  std::shared_ptr<witness> witness_; // null: none is kept
  std::uint64_t witness_failures_ = 0;
  const std::shared_ptr<live_index> live_;
  std::shared_ptr<const read_view> view_;
  domain::seq last_seq_ = 0;
  feed_index_state feed_index_;
  std::int64_t last_time_us_ = 0;
  // Where the next slice of each begins: nothing that is older comes later, and to walk over what
  // was removed takes time too.
  struct forget_cursors {
    // Empty: also those of another version are in the order by time.
    std::string order_requests = keys::prefix(keys::kind::request);
    std::string order_deletions = keys::prefix(keys::kind::deletion);
    std::string requests = keys::age_prefix(keys::kind::request);
    std::string deletions = keys::age_prefix(keys::kind::deletion);
    std::string audit = keys::prefix(keys::kind::audit);
  };
  forget_cursors forget_;
  // Of batches that were written to lately; of all others they are read.
  std::map<domain::batch_id, last_seqs> last_by_batch_;
};

} // namespace darkroom::persistence
