#include "persistence/live_index.hpp"

#include "persistence/database.hpp"
#include "persistence/event_codec.hpp"

#include <algorithm>
#include <iterator>

namespace darkroom::persistence {

namespace {

using domain::batch_id;

constexpr std::size_t time_bytes = 8;

// What a version without owners in its marks leaves to the summary; nothing: there is none that can
// be read, which `verify` reports.
journal_result<std::optional<live_batch>> by_summary(database& db, const batch_id& id) {
  std::string bytes;
  const auto found = db->Get(rocksdb::ReadOptions(), keys::batch(id), &bytes);
  if (found.IsNotFound()) return std::nullopt;
  if (!found.ok()) return std::unexpected(database::error_of(found));
  auto summary = decode_summary(bytes);
  if (!summary) return std::nullopt;
  return live_batch{std::move(summary->owner), {summary->created_us, id}};
}

} // namespace

bool is_live(const batch_summary& summary) {
  return !domain::is_terminal(summary.phase) || summary.open_files() != 0;
}

std::string encode_live(const live_batch& batch) {
  std::string value;
  const auto created = static_cast<std::uint64_t>(batch.at.created_us);
  for (int shift = (time_bytes - 1) * 8; shift >= 0; shift -= 8)
    value += static_cast<char>(created >> shift);
  return value + batch.owner;
}

std::optional<live_batch> decode_live(const batch_id& id, std::string_view value) {
  if (value.size() < time_bytes) return std::nullopt;
  std::uint64_t created = 0;
  for (const char c : value.substr(0, time_bytes))
    created = created << 8 | static_cast<unsigned char>(c);
  return live_batch{std::string{value.substr(time_bytes)},
                    {static_cast<std::int64_t>(created), id}};
}

journal_result<void> live_index::read(database& db) {
  std::optional<journal_error> wrong;
  const auto marks = keys::prefix(keys::kind::live);
  auto ok = db.scan(marks, marks, [&](std::string_view key, std::string_view value) {
    const auto id = keys::batch_of(key);
    if (!id) return true; // of no batch
    if (const auto marked = decode_live(*id, value)) {
      add(*marked);
      return true;
    }
    const auto told = by_summary(db, *id);
    if (!told) wrong = told.error();
    if (told && *told) add(**told);
    return told.has_value();
  });
  if (wrong) return std::unexpected(*wrong);
  return ok;
}

bool live_index::add(const live_batch& batch) {
  const std::scoped_lock lock(mutex_);
  return by_owner_[batch.owner].insert(batch.at).second;
}

bool live_index::contains(const live_batch& batch) const {
  const std::scoped_lock lock(mutex_);
  const auto of = by_owner_.find(batch.owner);
  return of != by_owner_.end() && of->second.contains(batch.at);
}

void live_index::remove(const live_batch& batch) {
  const std::scoped_lock lock(mutex_);
  const auto of = by_owner_.find(batch.owner);
  if (of == by_owner_.end()) return;
  of->second.erase(batch.at);
  if (of->second.empty()) by_owner_.erase(of);
}

std::vector<list_position> live_index::newest(const std::optional<std::string>& owner,
                                              const std::optional<list_position>& before,
                                              std::size_t most) const {
  std::vector<list_position> found;
  std::unique_lock lock(mutex_);
  if (owner) {
    const auto of = by_owner_.find(*owner);
    if (of == by_owner_.end()) return found;
    auto at = before ? of->second.lower_bound(*before) : of->second.end();
    while (at != of->second.begin() && found.size() < most)
      found.push_back(*--at);
    return found;
  }
  for (const auto& [name, batches] : by_owner_)
    std::ranges::copy_if(batches, std::back_inserter(found), [&before](const list_position& at) {
      return !before || at.batch < before->batch;
    });
  lock.unlock(); // the writer need not wait for the sort
  const auto end = found.begin() + static_cast<std::ptrdiff_t>(std::min(most, found.size()));
  std::ranges::partial_sort(found, end, std::ranges::greater{}, &list_position::batch);
  found.erase(end, found.end());
  return found;
}

} // namespace darkroom::persistence
