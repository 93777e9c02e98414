// Reading the journal, from any thread, beside its writer.
#pragma once

#include "persistence/access_records.hpp"
#include "persistence/journal_error.hpp"
#include "persistence/live_index.hpp"
#include "persistence/records.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace rocksdb {
class Snapshot;
}

namespace darkroom::persistence {

class database;
struct journal_meta;

// Whose events: of one batch; of all of one owner's; with neither, all that there are.
struct event_scope {
  std::optional<domain::batch_id> batch;
  std::optional<std::string> owner;
};

class read_view {
public:
  // `live`: of its writer; null: live batches are found by a look at each.
  explicit read_view(std::shared_ptr<database> db, std::shared_ptr<const live_index> live = nullptr)
      : db_(std::move(db)), live_(std::move(live)) {}

  // Opens a journal that may be in use by a running process, as it is now.
  static journal_result<std::shared_ptr<const read_view>> open(const std::string& directory);
  // Copies the journal, as it is at a moment after the call, into a folder of backups, of which the
  // newest is kept. The copy is verified. From any thread, beside the writer.
  journal_result<void> back_up(const std::string& folder) const;
  // Opens the newest copy in such a folder.
  static journal_result<std::shared_ptr<const read_view>> open_backup(const std::string& folder);

  // Every batch, the oldest first; `visit` returns false to stop.
  journal_result<void> each_batch(const std::function<bool(batch_summary&&)>& visit) const;
  // All batches, the oldest first.
  journal_result<std::vector<batch_summary>> batches() const;
  journal_result<std::vector<domain::batch_id>> live_batches() const;

  // The newest snapshot and the tail after it, by the same `apply` that runs live; a hole in the
  // chain of `prev`, or an event that cannot have happened, is corruption.
  journal_result<positioned_state> replay(const domain::batch_id& batch) const;

  // Files of a batch, by index.
  journal_result<std::vector<file_record>> files(const domain::batch_id& batch,
                                                 std::span<const domain::file_index> indexes) const;
  // Every file from this one on, in order; `visit` returns false to stop.
  journal_result<void> each_file(const domain::batch_id& batch, domain::file_index from,
                                 const std::function<bool(file_record&&)>& visit) const;
  // One file with its result; nothing when there is no such file.
  journal_result<std::optional<file_record>> file(const domain::batch_id& batch,
                                                  domain::file_index index) const;
  // Nothing when there is no such batch.
  journal_result<std::optional<batch_summary>> summary(const domain::batch_id& batch) const;

  // Batches of one owner (or, without one, of all), the newest first, those before `before`;
  // `visit` returns false to stop.
  journal_result<void> each_batch_before(const std::optional<std::string>& owner,
                                         const std::optional<list_position>& before,
                                         const std::function<bool(batch_summary&&)>& visit) const;
  // The same of live batches.
  journal_result<void> each_live_before(const std::optional<std::string>& owner,
                                        const std::optional<list_position>& before,
                                        const std::function<bool(batch_summary&&)>& visit) const;

  // Deleted batches that are not yet cleared away.
  journal_result<std::vector<domain::batch_id>> tombstones() const;
  // Every blob that a file of a batch refers to, as often as it does so; sources and outputs.
  journal_result<void> each_blob(const std::function<void(const blob_use&)>& visit) const;
  // Whether this owner has uploaded these bytes.
  journal_result<bool> has_uploaded(const std::string& owner, const digest& sha256) const;

  journal_result<std::optional<token_record>> token(std::string_view id) const;
  journal_result<std::vector<token_record>> tokens() const;
  journal_result<std::vector<node_standing>> node_standings() const;
  // Of every owner, on the last day with any.
  journal_result<std::vector<day_use>> days_used() const;
  // Of every kind of conversion that was ever measured here.
  journal_result<std::vector<cost_ratio>> cost_ratios() const;
  journal_result<std::optional<idempotency_record>>
  idempotent_request(const std::string& owner, const std::string& key) const;
  // The audit after a seq, in order; `visit` returns false to stop.
  journal_result<void> each_audit(domain::seq after,
                                  const std::function<bool(audit_entry&&)>& visit) const;
  // Every event after `after`, in order; `visit` returns false to stop.
  journal_result<void> each_event(const domain::batch_id& batch, domain::seq after,
                                  const std::function<bool(journaled_event&&)>& visit) const;

  // Events after one seq up to another, in order; at most so many, and no more when they take about
  // so many bytes as they are stored. Of several batches at once, only the last event of a deleted
  // one is left.
  struct event_run {
    std::vector<journaled_event> events;
    domain::seq read = 0; // nothing is left up to here
    bool more = false;    // there may be, before `upto`
  };
  journal_result<event_run> events_between(const event_scope& of, domain::seq after,
                                           domain::seq upto, std::size_t most,
                                           std::size_t bytes_max = SIZE_MAX) const;
  // How many these are, counted as far as `most`.
  journal_result<std::size_t> count_between(const event_scope& of, domain::seq after,
                                            domain::seq upto, std::size_t most) const;
  // What the journal says of itself; its last seq may not be on disk yet.
  journal_result<journal_meta> meta() const;
  // The seq that was given out last; it may not be on disk yet.
  domain::seq last_seq() const;
  // The paths of files by index; of a file that was removed it is not known any more.
  journal_result<std::vector<std::optional<std::string>>>
  paths(const domain::batch_id& batch, std::span<const domain::file_index> indexes) const;

  // Everything that is wrong: events against each other, and projections against events. Empty:
  // content. One sentence each.
  journal_result<std::vector<std::string>> verify() const;

private:
  // Where an event is.
  struct event_position {
    domain::seq seq = 0;
    domain::batch_id batch;
    std::string deletion; // the key, if only its deletion is left of the batch
    auto operator<=>(const event_position&) const = default;
  };
  journal_result<std::vector<event_position>> positions_between(const event_scope& of,
                                                                domain::seq after, domain::seq upto,
                                                                std::size_t most) const;
  journal_result<std::optional<std::vector<event_position>>>
  indexed_positions(const std::optional<std::string>& owner, domain::seq after, domain::seq upto,
                    std::size_t most) const;
  journal_result<std::vector<event_position>> searched_positions(const event_scope& of,
                                                                 domain::seq after,
                                                                 domain::seq upto,
                                                                 std::size_t most) const;
  domain::seq last_seq_at(const rocksdb::Snapshot* moment) const;
  journal_result<std::vector<domain::batch_id>> changed_since(const event_scope& of,
                                                              domain::seq after) const;
  std::shared_ptr<database> db_;
  std::shared_ptr<const live_index> live_;
};

} // namespace darkroom::persistence
