// What a feed reads of the journal: the events that somebody has missed.
#include "persistence/database.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/feed_index.hpp"
#include "persistence/read_view.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <rocksdb/snapshot.h>

namespace darkroom::persistence {

namespace {

using domain::batch_id;
using domain::file_index;
using domain::seq;

// Keeps the first so many of what it is given.
template<class Position>
class first_few {
public:
  explicit first_few(std::size_t most) : most_(most) {}
  // False when this one, and whatever comes after it, is of no use.
  bool add(Position p) {
    if (heap_.size() == most_ && !(p < heap_.front())) return false;
    heap_.push_back(std::move(p));
    std::ranges::push_heap(heap_);
    if (heap_.size() > most_) {
      std::ranges::pop_heap(heap_);
      heap_.pop_back();
    }
    return true;
  }
  std::vector<Position> in_order() {
    std::ranges::sort_heap(heap_);
    return std::move(heap_);
  }

private:
  std::size_t most_;
  std::vector<Position> heap_; // the last of them on top
};

} // namespace

journal_result<std::vector<batch_id>> read_view::changed_since(const event_scope& of,
                                                               seq after) const {
  if (of.batch) return std::vector{*of.batch};
  std::vector<batch_id> all;
  const auto ok = each_batch_before(of.owner, {}, [&](batch_summary&& batch) {
    if (batch.seq > after) all.push_back(batch.id);
    return true;
  });
  if (!ok) return std::unexpected(ok.error());
  return all;
}

journal_result<std::vector<read_view::event_position>>
read_view::positions_between(const event_scope& of, seq after, seq upto, std::size_t most) const {
  if (!of.batch) {
    auto found = indexed_positions(of.owner, after, upto, most);
    if (!found) return std::unexpected(found.error());
    if (*found) return std::move(**found);
  }
  return searched_positions(of, after, upto, most);
}

// By the index of changes; nothing when events are missing in it.
journal_result<std::optional<std::vector<read_view::event_position>>>
read_view::indexed_positions(const std::optional<std::string>& owner, seq after, seq upto,
                             std::size_t most) const {
  using positions = std::vector<event_position>;
  rocksdb::ManagedSnapshot held(&**db_);
  const auto* moment = held.snapshot();
  const auto index = read_feed_index(*db_, moment);
  if (!index) return std::unexpected(index.error());
  if (!*index || !(*index)->covers(after, last_seq_at(moment))) return std::optional<positions>{};

  std::map<batch_id, bool> known; // whether it is there, or deleted
  rocksdb::ReadOptions options;
  options.snapshot = moment;
  std::string bytes;
  const auto is_there = [&](const batch_id& batch) {
    const auto [at, first] = known.try_emplace(batch, false);
    if (first) at->second = (*db_)->Get(options, keys::batch(batch), &bytes).ok();
    return at->second;
  };
  positions found;
  bool damaged = false;
  const auto prefix = owner ? keys::own_change_prefix(*owner) : keys::prefix(keys::kind::change);
  const auto from = owner ? keys::own_change(*owner, after + 1) : keys::change(after + 1);
  const auto visit = [&](std::string_view key, std::string_view value) {
    const auto owned = owner ? keys::owned_seq_of(key) : std::nullopt;
    const auto last = owned ? owned->seq : keys::change_seq_of(key).value_or(0);
    const auto run = decode_run(last, value);
    damaged = !run;
    if (damaged || run->first > upto) return false;
    if (run->deleted_by) {
      found.push_back({run->last, run->batch, keys::deletion(*run->deleted_by, run->last)});
      return found.size() < most;
    }
    if (!is_there(run->batch)) return true;
    const auto end = std::min(run->last, upto);
    for (auto at = std::max(run->first, after + 1); at <= end && found.size() < most; ++at)
      found.push_back({at, run->batch, {}});
    return found.size() < most;
  };
  const auto ok = most == 0 ? journal_result<void>{} : db_->scan(prefix, from, visit, moment);
  if (!ok) return std::unexpected(ok.error());
  if (damaged) return std::unexpected(unreadable("the index of changes"));
  return std::optional(std::move(found));
}

// By looking into each batch that has changed.
journal_result<std::vector<read_view::event_position>>
read_view::searched_positions(const event_scope& of, seq after, seq upto, std::size_t most) const {
  first_few<event_position> found(most);
  const auto batches = changed_since(of, after);
  if (!batches) return std::unexpected(batches.error());
  for (const auto& batch : *batches) {
    const auto ok = db_->scan(keys::prefix(keys::kind::event, batch), keys::event(batch, after + 1),
                              [&](std::string_view key, std::string_view) {
                                const auto at = keys::seq_of(key).value_or(upto + 1);
                                return at <= upto && found.add({at, batch, {}});
                              });
    if (!ok) return std::unexpected(ok.error());
  }
  if (of.batch) return found.in_order();
  const auto deletions =
      of.owner ? keys::deletion_prefix(*of.owner) : keys::prefix(keys::kind::deletion);
  const auto from = of.owner ? keys::deletion(*of.owner, after + 1) : deletions;
  const auto ok = db_->scan(deletions, from, [&](std::string_view key, std::string_view value) {
    const auto at = keys::deletion_seq_of(key).value_or(0);
    const auto told = at > after && at <= upto ? decode_deletion(value) : std::nullopt;
    const bool taken = told && found.add({at, told->batch, std::string{key}});
    return taken || !of.owner; // one owner's are in order, everybody's are not
  });
  if (!ok) return std::unexpected(ok.error());
  return found.in_order();
}

journal_result<read_view::event_run> read_view::events_between(const event_scope& of, seq after,
                                                               seq upto, std::size_t most,
                                                               std::size_t bytes_max) const {
  const auto positions = positions_between(of, after, upto, most);
  if (!positions) return std::unexpected(positions.error());
  event_run run;
  std::string bytes;
  std::size_t total = 0;
  for (const auto& at : *positions) {
    if (total >= bytes_max) break;
    const bool deletion = !at.deletion.empty();
    run.read = at.seq;
    const auto status = (*db_)->Get(rocksdb::ReadOptions(),
                                    deletion ? at.deletion : keys::event(at.batch, at.seq), &bytes);
    if (status.IsNotFound()) continue; // cleared away with its batch meanwhile
    if (!status.ok()) return std::unexpected(database::error_of(status));
    auto e = deletion ? decode_deletion(bytes) : decode_event(bytes);
    if (!e)
      return std::unexpected(unreadable("event " + std::to_string(at.seq) + " of batch " +
                                        domain::to_string(at.batch)));
    e->batch = at.batch;
    e->seq = at.seq;
    run.events.push_back(std::move(*e));
    total += bytes.size();
  }
  run.more =
      !positions->empty() && (positions->size() == most || run.read != positions->back().seq);
  if (!run.more) run.read = upto;
  return run;
}

journal_result<std::size_t> read_view::count_between(const event_scope& of, seq after, seq upto,
                                                     std::size_t most) const {
  const auto positions = positions_between(of, after, upto, most);
  if (!positions) return std::unexpected(positions.error());
  return positions->size();
}

seq read_view::last_seq() const {
  return last_seq_at(nullptr);
}

seq read_view::last_seq_at(const rocksdb::Snapshot* moment) const {
  rocksdb::ReadOptions options;
  options.snapshot = moment;
  std::string text;
  if (!(*db_)->Get(options, keys::last_seq(), &text).ok()) return 0;
  seq last = 0;
  std::from_chars(text.data(), text.data() + text.size(), last);
  return last;
}

journal_result<std::vector<std::optional<std::string>>>
read_view::paths(const batch_id& batch, std::span<const file_index> indexes) const {
  std::vector<std::optional<std::string>> found;
  found.reserve(indexes.size());
  std::string bytes;
  for (const auto index : indexes) {
    const auto status = (*db_)->Get(rocksdb::ReadOptions(), keys::file(batch, index), &bytes);
    if (!status.ok() && !status.IsNotFound()) return std::unexpected(database::error_of(status));
    auto entry = status.ok() ? decode_entry(bytes) : std::nullopt;
    found.push_back(entry ? std::optional{std::move(entry->path)} : std::nullopt);
  }
  return found;
}

} // namespace darkroom::persistence
