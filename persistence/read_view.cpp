#include "persistence/read_view.hpp"

#include "persistence/database.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/journal_meta.hpp"
#include "persistence/limits.hpp"

namespace darkroom::persistence {

namespace {

using domain::batch_id;
using domain::file_index;
using domain::seq;

journal_error corrupt(const std::string& what) {
  return {journal_fault::corrupt, what};
}

std::string name_of(const batch_id& batch) {
  return "batch " + domain::to_string(batch);
}

} // namespace

journal_result<std::shared_ptr<const read_view>> read_view::open(const std::string& directory) {
  auto db = database::open_beside_writer(directory);
  if (!db) return std::unexpected(db.error());
  return std::make_shared<const read_view>(std::move(*db));
}

journal_result<journal_meta> read_view::meta() const {
  return read_meta(*db_);
}

journal_result<void>
read_view::each_batch(const std::function<bool(batch_summary&&)>& visit) const {
  std::optional<journal_error> wrong;
  const auto prefix = keys::prefix(keys::kind::batch);
  const auto ok = db_->scan(prefix, prefix, [&](std::string_view key, std::string_view value) {
    const auto id = keys::batch_of(key);
    auto summary = decode_summary(value);
    if (!id || !summary) {
      wrong = corrupt("a batch's summary cannot be read");
      return false;
    }
    summary->id = *id;
    return visit(std::move(*summary));
  });
  if (!ok) return std::unexpected(ok.error());
  if (wrong) return std::unexpected(*wrong);
  return {};
}

journal_result<std::vector<batch_summary>> read_view::batches() const {
  std::vector<batch_summary> all;
  const auto ok = each_batch([&](batch_summary&& batch) {
    all.push_back(std::move(batch));
    return true;
  });
  if (!ok) return std::unexpected(ok.error());
  return all;
}

journal_result<std::vector<batch_id>> read_view::live_batches() const {
  std::vector<batch_id> all;
  const auto prefix = keys::prefix(keys::kind::live);
  const auto ok = db_->scan(prefix, prefix, [&](std::string_view key, std::string_view) {
    if (const auto id = keys::batch_of(key)) all.push_back(*id);
    return true;
  });
  if (!ok) return std::unexpected(ok.error());
  return all;
}

journal_result<void>
read_view::each_event(const batch_id& batch, seq after,
                      const std::function<bool(journaled_event&&)>& visit) const {
  std::optional<journal_error> wrong;
  const auto ok = db_->scan(keys::prefix(keys::kind::event, batch), keys::event(batch, after + 1),
                            [&](std::string_view key, std::string_view value) {
                              const auto at = keys::seq_of(key);
                              auto e = decode_event(value);
                              if (!at || !e) {
                                wrong = corrupt(name_of(batch) + ": event " +
                                                std::to_string(at.value_or(0)) + " cannot be read");
                                return false;
                              }
                              e->batch = batch;
                              e->seq = *at;
                              return visit(std::move(*e));
                            });
  if (!ok) return std::unexpected(ok.error());
  if (wrong) return std::unexpected(*wrong);
  return {};
}

journal_result<positioned_state> read_view::replay(const batch_id& batch) const {
  positioned_state at;
  std::string bytes;
  const auto found = (*db_)->Get(rocksdb::ReadOptions(), keys::snapshot(batch), &bytes);
  if (found.ok()) {
    auto snapshot = decode_snapshot(bytes);
    if (!snapshot)
      return std::unexpected(corrupt(name_of(batch) + ": its snapshot cannot be read"));
    at = std::move(*snapshot);
  } else if (!found.IsNotFound()) {
    return std::unexpected(database::error_of(found));
  }
  std::optional<journal_error> wrong;
  const auto ok = each_event(batch, at.seq, [&](journaled_event&& e) {
    if (e.prev != at.seq)
      wrong = corrupt(name_of(batch) + ": events between " + std::to_string(at.seq) + " and " +
                      std::to_string(e.seq) + " are missing");
    else if (!domain::apply(at.state, e.fact))
      wrong = corrupt(name_of(batch) + ": event " + std::to_string(e.seq) + " (" +
                      std::string{domain::name_of(e.fact)} + ") cannot have happened");
    at.seq = e.seq;
    at.tail_cost += domain::replay_cost(e.fact);
    if (domain::is_command_event(e.fact)) at.command_seq = e.seq;
    return !wrong;
  });
  if (!ok) return std::unexpected(ok.error());
  if (wrong) return std::unexpected(*wrong);
  return at;
}

journal_result<std::vector<file_record>>
read_view::files(const batch_id& batch, std::span<const file_index> indexes) const {
  std::vector<file_record> records;
  records.reserve(indexes.size());
  std::string bytes;
  for (const auto index : indexes) {
    const auto status = (*db_)->Get(rocksdb::ReadOptions(), keys::file(batch, index), &bytes);
    if (!status.ok() && !status.IsNotFound()) return std::unexpected(database::error_of(status));
    auto entry = status.ok() ? decode_entry(bytes) : std::nullopt;
    if (!entry)
      return std::unexpected(
          corrupt(name_of(batch) + ": file " + std::to_string(index) + " cannot be read"));
    records.push_back({index, std::move(*entry), {}});
  }
  return records;
}

journal_result<void> read_view::each_file(const batch_id& batch, file_index from,
                                          const std::function<bool(file_record&&)>& visit) const {
  std::optional<journal_error> wrong;
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  const auto prefix = keys::prefix(keys::kind::outcome, batch);
  const std::unique_ptr<rocksdb::Iterator> outcomes((*db_)->NewIterator(options));
  outcomes->Seek(keys::outcome(batch, from));
  const auto result_of = [&](file_index index) -> std::optional<positioned_outcome> {
    while (outcomes->Valid() && outcomes->key().starts_with(prefix)) {
      const auto at = keys::index_of(outcomes->key().ToStringView()).value_or(0);
      if (at == index) return decode_outcome(outcomes->value().ToStringView());
      if (at > index) break;
      outcomes->Next();
    }
    return positioned_outcome{};
  };
  const auto files = keys::prefix(keys::kind::file, batch);
  const auto first = keys::file(batch, from);
  const auto ok = db_->scan(files, first, [&](std::string_view key, std::string_view value) {
    const auto index = keys::index_of(key);
    auto entry = decode_entry(value);
    auto result = result_of(index.value_or(0));
    if (!index || !entry || !result) {
      wrong = corrupt(name_of(batch) + ": a file's record cannot be read");
      return false;
    }
    return visit({*index, std::move(*entry), std::move(result->result), result->seq});
  });
  if (!ok) return std::unexpected(ok.error());
  if (wrong) return std::unexpected(*wrong);
  return {};
}

} // namespace darkroom::persistence
