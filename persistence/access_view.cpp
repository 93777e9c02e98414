// What the edge reads of the journal: lists, blobs, tokens and the audit.
#include "persistence/database.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/read_view.hpp"

#include <charconv>
#include <set>

namespace darkroom::persistence {

namespace {

using domain::batch_id;
using domain::file_index;

// Found at once, while the writer waits; a snapshot of a feed takes one such part.
constexpr std::size_t live_batches_per_read = 256;

// The value of a key, if it is there.
journal_result<std::optional<std::string>> value_of(database& db, const std::string& key) {
  std::string bytes;
  const auto status = db->Get(rocksdb::ReadOptions(), key, &bytes);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return std::unexpected(database::error_of(status));
  return bytes;
}

// All records of one kind whose key is a name: `decode(name, value)`.
template<class Record>
journal_result<std::vector<Record>> all_named(database& db, keys::kind kind,
                                              std::optional<Record> (*decode)(std::string_view,
                                                                              std::string_view),
                                              const std::string& what) {
  std::vector<Record> all;
  bool readable = true;
  const auto prefix = keys::prefix(kind);
  const auto ok = db.scan(prefix, prefix, [&](std::string_view key, std::string_view value) {
    auto record = decode(key.substr(1), value);
    readable = record.has_value();
    if (record) all.push_back(std::move(*record));
    return readable;
  });
  if (!ok) return std::unexpected(ok.error());
  if (!readable) return std::unexpected(unreadable(what));
  return all;
}

} // namespace

journal_result<std::optional<batch_summary>> read_view::summary(const batch_id& batch) const {
  const auto bytes = value_of(*db_, keys::batch(batch));
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return std::nullopt;
  auto summary = decode_summary(**bytes);
  if (!summary) return std::unexpected(unreadable("the summary of " + domain::to_string(batch)));
  summary->id = batch;
  return summary;
}

journal_result<std::optional<file_record>> read_view::file(const batch_id& batch,
                                                           file_index index) const {
  std::optional<file_record> found;
  const auto ok = each_file(batch, index, [&](file_record&& file) {
    if (file.index == index) found = std::move(file);
    return false;
  });
  if (!ok) return std::unexpected(ok.error());
  return found;
}

journal_result<void>
read_view::each_batch_before(const std::optional<std::string>& owner,
                             const std::optional<list_position>& before,
                             const std::function<bool(batch_summary&&)>& visit) const {
  const auto prefix = owner ? keys::owner_prefix(*owner) : keys::prefix(keys::kind::batch);
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  const std::unique_ptr<rocksdb::Iterator> at((*db_)->NewIterator(options));
  if (before) {
    const auto key =
        owner ? keys::owner(*owner, before->created_us, before->batch) : keys::batch(before->batch);
    at->SeekForPrev(key);
    if (at->Valid() && at->key() == rocksdb::Slice(key)) at->Prev();
  } else {
    at->SeekForPrev(prefix + std::string(32, '\xff'));
  }
  for (; at->Valid() && at->key().starts_with(prefix); at->Prev()) {
    const auto key = at->key().ToStringView();
    const auto owned = owner ? keys::owned_batch_of(key) : std::nullopt;
    const auto id =
        owner ? (owned ? std::optional{owned->second} : std::nullopt) : keys::batch_of(key);
    if (!id) return std::unexpected(unreadable("a batch's key"));
    auto found = summary(*id);
    if (!found) return std::unexpected(found.error());
    if (*found && !visit(std::move(**found))) break;
  }
  if (!at->status().ok()) return std::unexpected(database::error_of(at->status()));
  return {};
}

journal_result<void>
read_view::each_live_before(const std::optional<std::string>& owner,
                            const std::optional<list_position>& before,
                            const std::function<bool(batch_summary&&)>& visit) const {
  if (!live_)
    return each_batch_before(owner, before, [&visit](batch_summary&& batch) {
      return !is_live(batch) || visit(std::move(batch));
    });
  auto from = before;
  for (bool more = true; more;) {
    const auto found = live_->newest(owner, from, live_batches_per_read);
    more = found.size() == live_batches_per_read;
    if (more) from = found.back();
    for (const auto& at : found) {
      auto batch = summary(at.batch);
      if (!batch) return std::unexpected(batch.error());
      if (*batch && is_live(**batch) && !visit(std::move(**batch))) return {};
    }
  }
  return {};
}

journal_result<std::vector<batch_id>> read_view::tombstones() const {
  std::vector<batch_id> all;
  const auto prefix = keys::prefix(keys::kind::tombstone);
  const auto ok = db_->scan(prefix, prefix, [&](std::string_view key, std::string_view) {
    if (const auto id = keys::batch_of(key)) all.push_back(*id);
    return true;
  });
  if (!ok) return std::unexpected(ok.error());
  return all;
}

journal_result<void> read_view::each_blob(const std::function<void(const blob_use&)>& visit) const {
  // As of one moment: batches may be deleted meanwhile.
  const std::shared_ptr<const rocksdb::Snapshot> moment(
      (*db_)->GetSnapshot(), [this](const rocksdb::Snapshot* s) { (*db_)->ReleaseSnapshot(s); });
  std::set<batch_id> gone;
  const auto stones = keys::prefix(keys::kind::tombstone);
  auto read = db_->scan(
      stones, stones,
      [&](std::string_view key, std::string_view) {
        if (const auto id = keys::batch_of(key)) gone.insert(*id);
        return true;
      },
      moment.get());
  if (!read) return read;
  const auto counts = [&](std::string_view key) {
    const auto id = keys::batch_of(key);
    return id && !gone.contains(*id);
  };
  // What cannot be read may refer to anything: then nothing may be said to be unused.
  bool readable = true;
  const auto files = keys::prefix(keys::kind::file);
  auto ok = db_->scan(
      files, files,
      [&](std::string_view key, std::string_view value) {
        if (!counts(key)) return true;
        const auto entry = decode_entry(value);
        if (!entry) return readable = false;
        if (const auto blob = parse_hex(entry->source)) visit({*blob, entry->bytes});
        return true;
      },
      moment.get());
  if (!ok) return ok;
  if (!readable) return std::unexpected(unreadable("a file's record"));
  const auto outcomes = keys::prefix(keys::kind::outcome);
  auto results = db_->scan(
      outcomes, outcomes,
      [&](std::string_view key, std::string_view value) {
        if (!counts(key)) return true;
        const auto at = decode_outcome(value);
        if (!at) return readable = false;
        if (const auto* done = std::get_if<domain::file_completed>(&at->result))
          for (const auto& output : done->outputs)
            visit({output.sha256, output.bytes});
        return true;
      },
      moment.get());
  if (!results) return results;
  if (!readable) return std::unexpected(unreadable("a file's result"));
  return {};
}

journal_result<bool> read_view::has_uploaded(const std::string& owner, const digest& sha256) const {
  const auto found = value_of(*db_, keys::upload(owner, sha256));
  if (!found) return std::unexpected(found.error());
  return found->has_value();
}

journal_result<std::optional<token_record>> read_view::token(std::string_view id) const {
  const auto bytes = value_of(*db_, keys::token(id));
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return std::nullopt;
  auto token = decode_token(id, **bytes);
  if (!token) return std::unexpected(unreadable("a token"));
  return token;
}

journal_result<std::vector<token_record>> read_view::tokens() const {
  auto all = all_named(*db_, keys::kind::token, decode_token, "a token");
  if (!all) return all;
  for (auto& token : *all) {
    const auto used = value_of(*db_, keys::use(token.id));
    if (!used) return std::unexpected(used.error());
    if (*used)
      std::from_chars((*used)->data(), (*used)->data() + (*used)->size(), token.last_used_us);
  }
  return all;
}

journal_result<std::vector<node_standing>> read_view::node_standings() const {
  return all_named(*db_, keys::kind::node, decode_standing, "what was decided of a machine");
}

journal_result<std::vector<day_use>> read_view::days_used() const {
  return all_named(*db_, keys::kind::day, decode_day_use, "what a user has converted in a day");
}

journal_result<std::vector<cost_ratio>> read_view::cost_ratios() const {
  return all_named(*db_, keys::kind::cost, decode_cost_ratio, "what conversions cost");
}

journal_result<std::optional<idempotency_record>>
read_view::idempotent_request(const std::string& owner, const std::string& key) const {
  const auto bytes = value_of(*db_, keys::request(owner, key));
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return std::nullopt;
  const auto record = decode_idempotency(**bytes);
  if (!record) return std::unexpected(unreadable("a request's record"));
  return record;
}

journal_result<void> read_view::each_audit(domain::seq after,
                                           const std::function<bool(audit_entry&&)>& visit) const {
  bool readable = true;
  auto ok = db_->scan(keys::prefix(keys::kind::audit), keys::audit(after + 1),
                      [&](std::string_view key, std::string_view value) {
                        const auto seq = keys::audit_seq_of(key);
                        auto entry = seq ? decode_audit(*seq, value) : std::nullopt;
                        readable = entry.has_value();
                        return entry && visit(std::move(*entry));
                      });
  if (!ok) return ok;
  if (!readable) return std::unexpected(unreadable("an entry of the audit"));
  return {};
}

} // namespace darkroom::persistence
