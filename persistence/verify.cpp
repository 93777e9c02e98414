// Whether a journal agrees with itself.
#include "persistence/database.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/feed_index.hpp"
#include "persistence/read_view.hpp"

#include <set>

namespace darkroom::persistence {

namespace {

using domain::batch_id;

bool has_outcome(domain::file_status status, const outcome& result) {
  switch (status) {
  case domain::file_status::completed:
    return std::holds_alternative<domain::file_completed>(result);
  case domain::file_status::failed:
    return std::holds_alternative<domain::file_failed>(result);
  case domain::file_status::retry_wait:
    return std::holds_alternative<domain::file_retry_scheduled>(result);
  default:
    return !std::holds_alternative<domain::file_completed>(result) &&
           !std::holds_alternative<domain::file_failed>(result);
  }
}

// Checks one batch from its first event on.
class batch_check {
public:
  batch_check(database& db, const read_view& view, const batch_id& batch,
              std::vector<std::string>& problems)
      : db_(db), view_(view), batch_(batch), problems_(problems) {}

  void run(std::set<domain::seq>& all_seqs) {
    positioned_state at;
    std::optional<positioned_state> snapshot = read_snapshot();
    const auto ok = view_.each_event(batch_, 0, [&](journaled_event&& e) {
      if (!all_seqs.insert(e.seq).second) say("seq " + std::to_string(e.seq) + " is used twice");
      if (e.prev != at.seq)
        say("event " + std::to_string(e.seq) + " follows " + std::to_string(e.prev) +
            ", but the one before it is " + std::to_string(at.seq));
      if (!domain::apply(at.state, e.fact))
        say("event " + std::to_string(e.seq) + " (" + std::string{domain::name_of(e.fact)} +
            ") cannot have happened");
      at.seq = e.seq;
      if (snapshot && snapshot->seq == e.seq && !snapshot->state.same_facts(at.state))
        say("its snapshot at " + std::to_string(e.seq) + " differs from the events");
      return true;
    });
    if (!ok) say(ok.error().detail);
    check_summary(at);
    check_files(at.state);
  }

private:
  void say(const std::string& what) {
    problems_.push_back("batch " + domain::to_string(batch_) + ": " + what);
  }

  std::optional<positioned_state> read_snapshot() {
    std::string bytes;
    if (!db_->Get(rocksdb::ReadOptions(), keys::snapshot(batch_), &bytes).ok()) return {};
    auto snapshot = decode_snapshot(bytes);
    if (!snapshot) say("its snapshot cannot be read");
    return snapshot;
  }

  void check_summary(const positioned_state& at) {
    std::string bytes;
    const bool found = db_->Get(rocksdb::ReadOptions(), keys::batch(batch_), &bytes).ok();
    const auto summary = found ? decode_summary(bytes) : std::nullopt;
    if (!summary) return say("it has no readable summary");
    const auto& s = at.state;
    if (summary->seq != at.seq || summary->phase != s.phase || summary->counts != s.counts ||
        summary->bytes_in != s.bytes_in || summary->bytes_out != s.bytes_out)
      say("its summary differs from its events");
    const bool live = db_->Get(rocksdb::ReadOptions(), keys::live(batch_), &bytes).ok();
    if (live != is_live(*summary))
      say("its mark of being live is wrong");
    else if (live && !bytes.empty() &&
             decode_live(batch_, bytes) !=
                 live_batch{summary->owner, {summary->created_us, batch_}})
      say("its mark of being live is not that of its owner and time");
  }

  void check_files(const domain::batch_state& state) {
    std::size_t seen = 0;
    const auto ok = view_.each_file(batch_, 0, [&](file_record&& file) {
      seen += 1;
      const auto name = "file " + std::to_string(file.index);
      if (file.index >= state.files.size())
        say(name + " was never added");
      else if (!has_outcome(state.files[file.index], file.result))
        say(name + "'s record differs from its events");
      return true;
    });
    if (!ok) return say(ok.error().detail);
    if (seen != state.total())
      say("it has " + std::to_string(seen) + " file records for " + std::to_string(state.total()) +
          " files");
  }

  database& db_;
  const read_view& view_;
  const batch_id& batch_;
  std::vector<std::string>& problems_;
};

} // namespace

journal_result<std::vector<std::string>> read_view::verify() const {
  std::vector<std::string> problems;
  std::set<batch_id> batches;
  const auto prefix = keys::prefix(keys::kind::event);
  std::string from = prefix;
  // Batches are found by their events, not by what is derived from them.
  for (bool more = true; more;) {
    more = false;
    const auto ok = db_->scan(prefix, from, [&](std::string_view key, std::string_view) {
      const auto id = keys::batch_of(key);
      if (!id) {
        problems.emplace_back("a key of an event is too short");
        return true;
      }
      batches.insert(*id);
      from = keys::event(*id, ~domain::seq{0});
      more = true;
      return false;
    });
    if (!ok) return std::unexpected(ok.error());
  }
  std::set<domain::seq> seqs;
  const auto deleted = tombstones();
  if (!deleted) return std::unexpected(deleted.error());
  for (const auto& id : *deleted)
    batches.erase(id); // nothing refers to what is left of it
  const auto audited = each_audit(0, [&](audit_entry&& entry) {
    seqs.insert(entry.seq);
    return true;
  });
  if (!audited) problems.push_back(audited.error().detail);
  for (const auto& id : batches)
    batch_check(*db_, *this, id, problems).run(seqs);
  const auto index = check_feed_index(*db_);
  if (!index) return std::unexpected(index.error());
  problems.insert(problems.end(), index->begin(), index->end());
  return problems;
}

} // namespace darkroom::persistence
