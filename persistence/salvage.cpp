#include "persistence/salvage.hpp"

#include "base/units.hpp"
#include "persistence/access_records.hpp"
#include "persistence/database.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/files.hpp"
#include "persistence/lenient_scan.hpp"
#include "persistence/limits.hpp"
#include "persistence/projections.hpp"
#include "persistence/replace_witness.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <rocksdb/write_batch.h>
#include <system_error>
#include <utility>

namespace darkroom::persistence {

namespace {

namespace fs = std::filesystem;
using domain::batch_id;
using domain::seq;

// Kinds of keys that cannot be made again from events.
constexpr keys::kind own_records[] = {
    keys::kind::audit,   keys::kind::token,    keys::kind::use,
    keys::kind::request, keys::kind::deletion, keys::kind::node,
    keys::kind::day,     keys::kind::cost,     keys::kind::tombstone};

std::string_view plural_of(keys::kind kind) {
  switch (kind) {
  case keys::kind::audit:
    return "entries of the audit";
  case keys::kind::token:
    return "tokens";
  case keys::kind::use:
    return "times of last use of tokens";
  case keys::kind::request:
    return "idempotency keys";
  case keys::kind::deletion:
    return "news of deletions";
  case keys::kind::node:
    return "cordons of machines";
  case keys::kind::day:
    return "daily use of users";
  case keys::kind::cost:
    return "measured costs of conversions";
  default:
    return "marks of deleted batches";
  }
}

// The summary of a batch as its events tell it.
class retelling {
public:
  explicit retelling(const batch_id& batch) { summary_.id = batch; }
  bool add(const journaled_event& e) {
    if (!domain::apply(state_, e.fact)) return false;
    auto& s = summary_;
    s.seq = e.seq;
    s.changed_us = e.time_us;
    if (domain::is_command_event(e.fact)) s.command_seq = e.seq;
    if (std::holds_alternative<domain::batch_created>(e.fact)) s.created_us = e.time_us;
    if (std::holds_alternative<domain::batch_started>(e.fact) ||
        std::holds_alternative<domain::batch_retried>(e.fact)) {
      s.started_us = e.time_us;
      s.ended_us = 0;
    } else if (domain::is_terminal(state_.phase) && s.ended_us == 0) {
      s.ended_us = e.time_us;
    }
    return true;
  }
  const domain::batch_state& state() const { return state_; }
  std::int64_t created_us() const { return summary_.created_us; }
  batch_summary summary() const {
    auto s = summary_;
    describe(s, state_);
    return s;
  }

private:
  batch_summary summary_;
  domain::batch_state state_;
};

class salvager {
public:
  salvager(database& from, database* to) : from_(from), to_(to) {}

  journal_result<salvage_report> run() {
    for (const auto kind : own_records)
      if (auto ok = copy_records(kind); !ok) return std::unexpected(ok.error());
    if (auto ok = copy_events(); !ok) return std::unexpected(ok.error());
    look_at_projections();
    if (auto ok = finish(); !ok) return std::unexpected(ok.error());
    return std::move(report_);
  }

private:
  void say(std::string what) {
    if (report_.lost.size() < limits::salvage_sentences_max)
      report_.lost.push_back(std::move(what));
    else if (report_.lost.size() == limits::salvage_sentences_max)
      report_.lost.emplace_back("and more");
  }

  journal_result<void> write_out(std::size_t at_least) {
    if (to_ == nullptr || group_.GetDataSize() < at_least) return {};
    const auto status = (*to_)->Write(rocksdb::WriteOptions(), &group_);
    group_.Clear();
    if (!status.ok()) return std::unexpected(database::error_of(status));
    return {};
  }

  journal_result<void> copy_records(keys::kind kind) {
    journal_result<void> ok;
    scan_readable(
        *from_, keys::prefix(kind),
        [&](std::string_view key, std::string_view value) {
          report_.records += 1;
          if (kind == keys::kind::audit) note_seq(keys::audit_seq_of(key));
          if (kind == keys::kind::deletion) note_seq(keys::deletion_seq_of(key));
          if (kind == keys::kind::tombstone)
            if (const auto id = keys::batch_of(key)) deleted_.insert(*id);
          if (to_ == nullptr || !ok) return;
          group_.Put(rocksdb::Slice(key.data(), key.size()),
                     rocksdb::Slice(value.data(), value.size()));
          ok = write_out(limits::MiB);
        },
        [&](std::string_view, const std::string& why) {
          say("some " + std::string{plural_of(kind)} + ": " + why);
        });
    return ok;
  }

  void note_seq(std::optional<seq> at) { last_seq_ = std::max(last_seq_, at.value_or(0)); }

  // Ends the batch that was being read, if there was one.
  journal_result<void> end_batch() {
    if (!batch_ || !retold_) return {};
    if (skipped_ != 0)
      say("batch " + domain::to_string(*batch_) + ": " + why_skipped_ + "; what came later, " +
          std::to_string(skipped_) + (skipped_ == 1 ? " event, " : " events, ") +
          "cannot be used, and its files are converted again");
    const bool there = retold_->state().phase != domain::batch_phase::absent &&
                       retold_->state().phase != domain::batch_phase::deleted;
    report_.batches += there;
    if (to_ != nullptr && there) {
      project_summary(group_, retold_->summary());
      project_live(group_, retold_->summary());
    }
    return write_out(limits::MiB);
  }

  journal_result<void> begin_batch(const batch_id& id) {
    if (auto ok = end_batch(); !ok) return ok;
    // Its new projections are written before the next batch's are looked up.
    if (auto ok = write_out(1); !ok) return ok;
    batch_ = id;
    retold_.emplace(id);
    skipped_ = 0;
    last_ = 0;
    return {};
  }

  void skip(const std::string& why) {
    if (skipped_++ == 0) why_skipped_ = why;
  }

  journal_result<void> take(const batch_id& id, seq at, std::string_view value) {
    auto e = decode_event(value);
    note_seq(at);
    if (skipped_ != 0 || !e) {
      skip("event " + std::to_string(at) + " cannot be read");
      return {};
    }
    e->batch = id;
    e->seq = at;
    if (e->prev != last_) {
      skip("events between " + std::to_string(last_) + " and " + std::to_string(at) +
           " are missing");
      return {};
    }
    if (!retold_->add(*e)) {
      skip("event " + std::to_string(at) + " cannot have happened");
      return {};
    }
    last_ = at;
    report_.events += 1;
    if (to_ == nullptr) return {};
    group_.Put(keys::event(id, at), rocksdb::Slice(value.data(), value.size()));
    project(group_, *to_,
            {id, at, e->prev, e->time_us, retold_->state().owner, retold_->created_us()}, e->fact);
    // A changed spec reads the files that it plans anew.
    const bool next_reads = std::holds_alternative<domain::files_added>(e->fact);
    return write_out(next_reads ? 1 : limits::MiB);
  }

  journal_result<void> copy_events() {
    journal_result<void> ok;
    scan_readable(
        *from_, keys::prefix(keys::kind::event),
        [&](std::string_view key, std::string_view value) {
          const auto id = keys::batch_of(key);
          const auto at = keys::seq_of(key);
          if (!ok || !id || !at || deleted_.contains(*id)) return;
          if (batch_ != id) ok = begin_batch(*id);
          if (ok) ok = take(*id, *at, value);
        },
        [&](std::string_view after, const std::string& why) {
          const auto id = keys::batch_of(after);
          say((id ? "events of batch " + domain::to_string(*id) +
                        (keys::seq_of(after) ? " after " + std::to_string(*keys::seq_of(after))
                                             : std::string{})
                  : std::string{"the first events of all"}) +
              " and perhaps of those behind it: " + why);
        });
    if (!ok) return ok;
    return end_batch();
  }

  // What is derived is made again; that it was damaged is worth a word all the same.
  void look_at_projections() {
    constexpr keys::kind derived[] = {
        keys::kind::batch,      keys::kind::file,  keys::kind::outcome, keys::kind::snapshot,
        keys::kind::live,       keys::kind::owner, keys::kind::upload,  keys::kind::change,
        keys::kind::own_change, keys::kind::meta};
    for (const auto kind : derived)
      scan_readable(
          *from_, keys::prefix(kind),
          [&](std::string_view key, std::string_view value) {
            if (kind != keys::kind::meta || key != keys::last_seq()) return;
            seq known = 0;
            std::from_chars(value.data(), value.data() + value.size(), known);
            note_seq(known);
          },
          [&](std::string_view, const std::string& why) {
            say("records that are made again from the events (kind " +
                std::string{static_cast<char>(kind)} + "): " + why);
          });
  }

  journal_result<void> finish() {
    if (to_ == nullptr) return {};
    // Numbers that were given out after the last one that can be read must not be given out again.
    group_.Put(keys::last_seq(), std::to_string(last_seq_ + limits::salvage_seq_margin));
    group_.Put(keys::format(), std::to_string(limits::journal_format_without_witness));
    if (auto ok = write_out(1); !ok) return ok;
    if (const auto status = (*to_)->SyncWAL(); !status.ok())
      return std::unexpected(database::error_of(status));
    return {};
  }

  database& from_;
  database* to_;
  salvage_report report_;
  rocksdb::WriteBatch group_;
  std::set<batch_id> deleted_;
  seq last_seq_ = 0;
  // Of the batch that is being read.
  std::optional<batch_id> batch_;
  std::optional<retelling> retold_;
  seq last_ = 0;
  std::size_t skipped_ = 0;
  std::string why_skipped_;
};

// A copy that RocksDB may repair: its list of files is made again from the files that are there.
class repaired_copy {
public:
  static journal_result<std::unique_ptr<repaired_copy>> make(const std::string& journal,
                                                             const std::string& at) {
    std::error_code error;
    if (!fs::exists(journal + "/IDENTITY", error) && !fs::exists(journal + "/LOCK", error))
      return std::unexpected(journal_error{journal_fault::missing, "there is no journal here"});
    auto folder = at + ".XXXXXX"; // for nobody else to read
    if (::mkdtemp(folder.data()) == nullptr)
      return std::unexpected(
          journal_error{journal_fault::io, last_error("making " + folder).text()});
    auto made = std::make_unique<repaired_copy>(folder);
    if (const auto failed = copy_files(journal, folder))
      return std::unexpected(
          journal_error{journal_fault::io, "copying the journal to repair it: " + failed.message() +
                                               ". Make room beside " + at + ", and try again"});
    if (auto ok = database::repair(folder); !ok) return std::unexpected(ok.error());
    return made;
  }
  explicit repaired_copy(std::string at) : at_(std::move(at)) {}
  ~repaired_copy() {
    std::error_code error;
    fs::remove_all(at_, error);
  }
  repaired_copy(const repaired_copy&) = delete;
  repaired_copy& operator=(const repaired_copy&) = delete;
  const std::string& path() const { return at_; }

private:
  // A table is never written to again, so a second name of it is as good as a copy, and needs no
  // room; where there can be none, as on another file system, it is copied.
  static std::error_code copy_files(const std::string& from, const std::string& to) {
    std::error_code error;
    for (auto entry = fs::directory_iterator(from, error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const auto target = fs::path(to) / entry->path().filename();
      if (entry->path().extension() == ".sst") {
        fs::create_hard_link(entry->path(), target, error);
        if (!error) continue;
        error.clear();
      }
      fs::copy(entry->path(), target, fs::copy_options::recursive, error);
      if (error) return error;
    }
    return error;
  }
  std::string at_;
};

// How many events can be read, and records.
journal_result<std::pair<std::size_t, std::size_t>> readable(database& journal) {
  const auto report = salvager(journal, nullptr).run();
  if (!report) return std::unexpected(report.error());
  return std::pair{report->events, report->records};
}

using dropped_records = std::shared_ptr<std::vector<std::string>>;

journal_result<std::shared_ptr<database>> repaired_journal(const std::string& journal,
                                                           const std::string& work,
                                                           const dropped_records& dropped,
                                                           std::unique_ptr<repaired_copy>& copy) {
  auto made = repaired_copy::make(journal, work);
  if (!made) return std::unexpected(made.error());
  copy = std::move(*made);
  return database::open_damaged(copy->path(), dropped);
}

journal_result<salvage_report> run(const std::string& journal, database* to,
                                   const std::string& work) {
  auto dropped = std::make_shared<std::vector<std::string>>(); // records of its logs
  auto from = database::open_damaged(journal, dropped);
  if (!from && from.error().fault == journal_fault::missing) return std::unexpected(from.error());
  const auto unreadable = from ? (*from)->unreadable_table() : from.error().detail;
  // A table that cannot be opened hides what others have, whatever is asked for; a repaired copy is
  // without it. But repair drops also a table of which a part can be read.
  std::unique_ptr<repaired_copy> copy;
  if (!unreadable.empty()) {
    auto repaired = repaired_journal(journal, work, dropped, copy);
    if (!repaired && !from) return std::unexpected(repaired.error());
    if (!repaired) {
      dropped->push_back("there may be more, in tables that only a repaired copy opens: " +
                         repaired.error().detail);
    } else {
      const auto of_repaired = readable(**repaired);
      if (!of_repaired) return std::unexpected(of_repaired.error());
      const auto of_journal = from ? readable(**from) : std::pair<std::size_t, std::size_t>{};
      if (!of_journal) return std::unexpected(of_journal.error());
      if (!from || *of_repaired > *of_journal) from = std::move(repaired);
    }
  }
  auto report = salvager(**from, to).run();
  from->reset();
  if (!report) return report;
  auto& lost = report->lost;
  if (!unreadable.empty()) lost.insert(lost.begin(), unreadable);
  lost.insert(lost.begin(), dropped->begin(), dropped->end());
  return report;
}

} // namespace

journal_result<salvage_report> examine_damage(const std::string& journal) {
  return run(journal, nullptr, journal + ".looked-at"); // beside it, as private as it is
}

journal_result<salvage_report> salvage(const std::string& journal, const std::string& to,
                                       bool vouched) {
  std::error_code error;
  if (fs::exists(to, error) && !fs::is_empty(to, error))
    return std::unexpected(
        journal_error{journal_fault::io, to + " is there already, and not empty"});
  if (auto ok = make_directories(to); !ok)
    return std::unexpected(journal_error{journal_fault::io, ok.error().text()});
  auto target = database::open(to, nullptr, database::mode::create);
  if (!target) return std::unexpected(target.error());
  auto report = run(journal, target->get(), to + ".repair");
  target->reset();
  if (report && vouched)
    if (auto ok = vouch_for(to); !ok) report = std::unexpected(ok.error());
  if (!report) fs::remove_all(to, error); // half of one is none
  return report;
}

} // namespace darkroom::persistence
