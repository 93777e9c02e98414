// Whether the index of changes agrees with the events.
#include "persistence/database.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/feed_index.hpp"
#include "persistence/journal_meta.hpp"

#include <map>

namespace darkroom::persistence {

namespace {

using domain::batch_id;
using domain::seq;

class feed_index_check {
public:
  feed_index_check(database& db, feed_index_state state) : db_(db), state_(std::move(state)) {}

  journal_result<std::vector<std::string>> run() {
    if (auto ok = read_owners(); !ok) return std::unexpected(ok.error());
    if (auto ok = check_runs(); !ok) return std::unexpected(ok.error());
    if (auto ok = check_own_runs(); !ok) return std::unexpected(ok.error());
    if (auto ok = count_events(); !ok) return std::unexpected(ok.error());
    return std::move(problems_);
  }

private:
  void say(seq at, const std::string& what) {
    problems_.push_back("the index of changes, at " + std::to_string(at) + ": " + what);
  }

  journal_result<void> read_owners() {
    const auto prefix = keys::prefix(keys::kind::batch);
    return db_.scan(prefix, prefix, [&](std::string_view key, std::string_view value) {
      const auto id = keys::batch_of(key);
      const auto summary = decode_summary(value);
      if (id && summary) owners_[*id] = summary->owner; // the others are named by their own check
      return true;
    });
  }

  std::string get(const std::string& key) {
    std::string value;
    const bool found = db_->Get(rocksdb::ReadOptions(), key, &value).ok();
    return found ? value : std::string{};
  }

  void check_deletion(const feed_run& run, std::string_view value) {
    if (get(keys::own_change(*run.deleted_by, run.last)) != value)
      say(run.last, "a deletion is not among the changes of its owner");
    if (get(keys::deletion(*run.deleted_by, run.last)).empty())
      say(run.last, "there is no record of the deletion");
  }

  void check_events(const feed_run& run, std::string_view value) {
    const auto owner = owners_.find(run.batch);
    if (owner == owners_.end()) return; // it is deleted, and being cleared away
    if (get(keys::own_change(owner->second, run.last)) != value)
      say(run.last, "a run is not among the changes of its owner");
    for (auto at = run.first; at <= run.last; ++at)
      if (get(keys::event(run.batch, at)).empty())
        say(at, "batch " + domain::to_string(run.batch) + " has no such event");
      else if (at > state_.from)
        found_ += 1;
  }

  journal_result<void> check_runs() {
    seq last = 0;
    const auto prefix = keys::prefix(keys::kind::change);
    return db_.scan(prefix, prefix, [&](std::string_view key, std::string_view value) {
      const auto at = keys::change_seq_of(key).value_or(0);
      const auto run = decode_run(at, value);
      if (!run) {
        say(at, "a run cannot be read");
        return true;
      }
      if (run->first <= last) say(at, "two runs overlap");
      last = at;
      if (run->deleted_by)
        check_deletion(*run, value);
      else
        check_events(*run, value);
      return true;
    });
  }

  journal_result<void> check_own_runs() {
    const auto prefix = keys::prefix(keys::kind::own_change);
    return db_.scan(prefix, prefix, [&](std::string_view key, std::string_view value) {
      const auto owned = keys::owned_seq_of(key);
      if (!owned || get(keys::change(owned->seq)) != value)
        say(owned ? owned->seq : 0, "a change of an owner is not among all changes");
      return true;
    });
  }

  journal_result<void> count_events() {
    std::uint64_t expected = 0;
    const auto prefix = keys::prefix(keys::kind::event);
    const auto ok = db_.scan(prefix, prefix, [&](std::string_view key, std::string_view) {
      const auto id = keys::batch_of(key);
      expected += id && owners_.contains(*id) && keys::seq_of(key).value_or(0) > state_.from;
      return true;
    });
    if (ok && expected != found_)
      say(state_.upto,
          std::to_string(found_) + " events of " + std::to_string(expected) + " are in it");
    return ok;
  }

  database& db_;
  feed_index_state state_;
  std::map<batch_id, std::string> owners_;
  std::uint64_t found_ = 0; // events that have to be in the index, and are
  std::vector<std::string> problems_;
};

} // namespace

journal_result<std::vector<std::string>> check_feed_index(database& db) {
  const auto state = read_feed_index(db);
  if (!state) return std::unexpected(state.error());
  const auto meta = read_meta(db);
  if (!meta) return std::unexpected(meta.error());
  // Not one that is kept up: nothing reads it, and the next start makes it again.
  if (!*state || (*state)->upto != meta->last_seq) return std::vector<std::string>{};
  return feed_index_check(db, **state).run();
}

} // namespace darkroom::persistence
