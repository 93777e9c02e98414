// Which events a command leads to, and which commands are refused, and why.
#include "base/result.hpp"
#include "domain/batch_state.hpp"
#include "domain/limits.hpp"
#include "domain/range_check.hpp"

#include <algorithm>
#include <utility>

namespace darkroom::domain {

namespace {

using decision = base::result<std::vector<event>, refusal>;

std::vector<file_index> finishing_list(const batch_state& s) {
  return {s.finishing.begin(), s.finishing.end()};
}

// Not an initialiser list: that would try to read the event as a list of events.
std::vector<event> just_one(event e) {
  std::vector<event> events;
  events.push_back(std::move(e));
  return events;
}

class decider {
public:
  explicit decider(const batch_state& state) : s(state) {}

  decision operator()(const create_batch& c) const {
    if (s.phase != batch_phase::absent) return wrong_state("the batch exists already");
    if (auto ok = validate(c.spec); !ok)
      return refuse(refusal_code::invalid_spec, ok.error().pointer + " " + ok.error().detail);
    if (auto ok = check_ranges(attributes_of(c)); !ok)
      return refuse(refusal_code::invalid_spec, ok.error().pointer + " " + ok.error().detail);
    batch_created e{c, c.owner, c.spec, c.idempotency_key, c.request_sha256};
    e.keep_open = c.keep_open || c.start == start_rule::on_first_file;
    return just(std::move(e));
  }
  decision operator()(const add_files& c) const {
    if (s.phase == batch_phase::absent) return absent();
    if (s.sealed || is_terminal(s.phase))
      return refuse(refusal_code::batch_sealed, "the batch takes no more files");
    if (c.entries.size() > limits::files_per_event_max ||
        s.files.size() + c.entries.size() > limits::files_per_batch_max)
      return refuse(refusal_code::too_many_files, "a batch has at most " +
                                                      std::to_string(limits::files_per_batch_max) +
                                                      " files");
    if (c.entries.empty()) return std::vector<event>{};
    auto events = additions(c.entries);
    if (s.start == start_rule::on_first_file && s.phase == batch_phase::draft) {
      auto present = s.present;
      for (const auto& entry : c.entries)
        count_companions(s, entry.path, true, present);
      if (missing_companions(s.required, present).empty())
        events.emplace_back(batch_started{false});
    }
    return events;
  }
  decision operator()(const remove_file& c) const {
    if (s.phase != batch_phase::draft) return wrong_state("files leave only a draft");
    if (!is(c.index, file_status::queued)) return no_such_file(c.index);
    return just(file_removed{c.index, c.entry.bytes, c.entry.path});
  }
  decision operator()(const start_batch& c) const {
    if (s.phase == batch_phase::running) return std::vector<event>{};
    if (s.phase != batch_phase::draft) return wrong_state("only a draft starts");
    if (auto missing = missing_companions(s.required, s.present); !missing.empty())
      return refuse(refusal_code::missing_companion, std::move(missing));
    // A draft that was sealed stays so, whatever else is asked for.
    const bool seals = s.sealed || !(c.keep_open || s.keep_open);
    if (seals && s.total() == 0)
      return refuse(refusal_code::no_files, s.sealed ? "it is sealed and has no files"
                                                     : "add files first, or start with keep_open");
    return just(batch_started{seals});
  }
  decision operator()(const seal_batch&) const {
    if (s.phase == batch_phase::absent) return absent();
    if (s.sealed) return std::vector<event>{};
    if (s.total() == 0) return refuse(refusal_code::no_files, "add files first");
    return just(batch_sealed{});
  }
  decision operator()(const pause_batch& c) const {
    if (s.phase != batch_phase::running && s.phase != batch_phase::paused)
      return wrong_state("only a running batch pauses");
    std::vector<event> events;
    if (s.phase == batch_phase::running) events.emplace_back(batch_paused{c.mode});
    if (c.mode == pause_mode::interrupt)
      for (const auto& [index, history] : s.histories)
        if (is(index, file_status::running) && !s.finishing.contains(index))
          events.emplace_back(file_interrupted{index, interruption::paused});
    return events;
  }
  decision operator()(const resume_batch&) const {
    if (s.phase == batch_phase::running) return std::vector<event>{};
    if (s.phase != batch_phase::paused) return wrong_state("only a paused batch resumes");
    return just(batch_resumed{});
  }
  decision operator()(const cancel_batch& c) const {
    if (s.phase == batch_phase::cancelled) return std::vector<event>{}; // already so
    if (s.phase == batch_phase::absent || is_terminal(s.phase))
      return wrong_state("the batch has ended");
    return just(batch_cancelled{c.reason, finishing_list(s)});
  }
  decision operator()(const retry_batch& c) const {
    if (!is_terminal(s.phase) || s.phase == batch_phase::completed ||
        s.phase == batch_phase::deleted)
      return wrong_state("only a batch that ended with failed or cancelled files is retried");
    if (s.open() != 0) return wrong_state("the last files are still being written");
    std::vector<file_index> files;
    if (c.scope == retry_scope::files) {
      for (const file_index i : c.files) {
        if (!is(i, file_status::failed) && !is(i, file_status::cancelled))
          return refuse(refusal_code::invalid_files,
                        "file " + std::to_string(i) + " is not failed or cancelled");
        files.push_back(i);
      }
      std::ranges::sort(files);
      const auto doubled = std::ranges::unique(files);
      files.erase(doubled.begin(), doubled.end());
    } else {
      const auto wanted =
          c.scope == retry_scope::failed ? file_status::failed : file_status::cancelled;
      for (file_index i = 0; i < s.files.size(); ++i)
        if (s.files[i] == wanted) files.push_back(i);
    }
    if (!c.reasons.empty())
      std::erase_if(files, [&](file_index i) {
        const auto reason = s.failures.of(i);
        return !reason || std::ranges::find(c.reasons, *reason) == c.reasons.end();
      });
    if (files.empty()) return refuse(refusal_code::invalid_files, "no file matches");
    return just(batch_retried{std::move(files)});
  }
  decision operator()(const change_priority& c) const {
    if (s.phase == batch_phase::absent || is_terminal(s.phase))
      return wrong_state("the batch has ended");
    if (c.priority > limits::priority_max)
      return refuse(refusal_code::invalid_spec, "/priority is from 0 to 9");
    if (c.priority == s.priority) return std::vector<event>{};
    return just(priority_changed{c.priority});
  }
  decision operator()(const change_spec& c) const {
    if (s.phase != batch_phase::draft && s.phase != batch_phase::paused)
      return wrong_state("the spec changes only in a draft or while paused");
    if (auto ok = validate(c.spec); !ok)
      return refuse(refusal_code::invalid_spec, ok.error().pointer + " " + ok.error().detail);
    if (c.spec == s.spec && c.files.empty() && !c.names_follow) return std::vector<event>{};
    if (s.count(file_status::running) != 0)
      return wrong_state("files in flight still use the old spec; wait for them");
    for (const auto& file : c.files)
      if (file.index >= s.files.size() || is(file.index, file_status::completed))
        return refuse(refusal_code::invalid_files,
                      "file " + std::to_string(file.index) + " has completed");
    return just(spec_changed{c.spec, c.files, c.names_follow});
  }
  decision operator()(const replan_files& c) const {
    if (s.phase == batch_phase::absent || s.phase == batch_phase::deleted) return absent();
    if (c.first != s.unplanned_from || c.next <= c.first || c.next > s.unplanned_upto)
      return stale(); // the spec has changed again
    files_replanned e{c.first, c.next, c.files};
    // One that was removed while its names were planned has no record any more.
    std::erase_if(e.files, [&](const auto& file) { return is(file.index, file_status::removed); });
    return just(std::move(e));
  }
  decision operator()(const change_details& c) const {
    if (s.phase == batch_phase::absent || s.phase == batch_phase::deleted) return absent();
    details_changed changed{c.name.value_or(s.name), c.tags.value_or(s.tags)};
    if (changed.name == s.name && changed.tags == s.tags) return std::vector<event>{};
    return just(std::move(changed));
  }
  decision operator()(const delete_batch& c) const {
    if (s.phase == batch_phase::absent || s.phase == batch_phase::deleted) return absent();
    const bool ended = s.phase == batch_phase::draft || (is_terminal(s.phase) && s.open() == 0);
    if (!ended && !c.cancel)
      return wrong_state("the batch has not ended; cancel it, or delete with cancel=true");
    return just(batch_deleted{});
  }
  decision operator()(const recover_batch& c) const {
    std::vector<event> events;
    batch_recovered recovered;
    recovered.process_survived = c.process_survived;
    for (const auto& [index, history] : s.histories)
      if (is(index, file_status::running)) recovered.interrupted.push_back(index);
    if (recovered.interrupted.empty()) return events;
    events.emplace_back(recovered);
    if (is_terminal(s.phase) || c.process_survived) return events;
    for (const file_index i : recovered.interrupted) {
      const auto& history = s.histories.at(i);
      if (!history.elsewhere && history.crashes + 1 >= limits::crashes_max)
        events.emplace_back(file_failed{i, history.attempts, failure_reason::crashed,
                                        "the process died three times while it ran this file"});
    }
    return events;
  }
  decision operator()(const start_file& c) const {
    if (s.phase != batch_phase::running) return wrong_state("the batch is not running");
    if (!is(c.index, file_status::queued) || s.awaits_names(c.index)) return stale();
    const auto history = s.histories.find(c.index);
    const std::uint32_t attempts = history == s.histories.end() ? 0 : history->second.attempts;
    return just(file_started{c.index, attempts + 1, c.lease, c.node});
  }
  decision operator()(const complete_file& c) const {
    if (!is_current(c.result.index, c.lease)) return stale();
    auto completed = c.result;
    completed.attempt = s.histories.at(c.result.index).attempts;
    return just(std::move(completed));
  }
  decision operator()(const fail_file& c) const {
    if (c.lease == 0 ? !is(c.index, file_status::queued) : !is_current(c.index, c.lease))
      return stale();
    const auto history = s.histories.find(c.index);
    std::uint32_t attempt = history == s.histories.end() ? 0 : history->second.attempts;
    if (c.lease == 0) attempt += 1; // it was never started: this is the attempt
    std::string detail = c.detail.substr(0, limits::detail_bytes_max);
    // A paused or ended batch starts no wait of its own: the file would hang in it.
    if (is_transient(c.reason) && attempt < limits::attempts_max && !is_terminal(s.phase))
      return just(file_retry_scheduled{c.index, attempt, c.reason, std::move(detail),
                                       retry_delay_ms(attempt, c.chance)});
    return just(file_failed{c.index, attempt, c.reason, std::move(detail)});
  }
  decision operator()(const requeue_file& c) const {
    if (!is(c.index, file_status::retry_wait)) return stale();
    return just(file_requeued{c.index});
  }
  decision operator()(const interrupt_file& c) const {
    if (!is(c.index, file_status::running)) return stale();
    const auto& history = s.histories.at(c.index);
    if (c.cause == interruption::node_lost && history.nodes_lost + 1 >= limits::nodes_lost_max)
      return just(file_failed{c.index, history.attempts, failure_reason::node_lost,
                              "five machines in a row were lost while they ran this file"});
    if (is_terminal(s.phase))
      return just(file_failed{c.index, history.attempts, failure_reason::io_error,
                              "its output could not be written when the batch had ended"});
    return just(file_interrupted{c.index, c.cause});
  }

private:
  const batch_state& s;

  // In as many events as keep each within its limit.
  std::vector<event> additions(const std::vector<file_entry>& entries) const {
    std::vector<event> events;
    auto part = files_added{static_cast<file_index>(s.files.size()), {}};
    std::size_t bytes = 0;
    for (const auto& entry : entries) {
      bytes += event_bytes_of(entry);
      if (bytes > limits::event_bytes_max && !part.entries.empty()) {
        const auto next = part.first + static_cast<file_index>(part.entries.size());
        events.emplace_back(std::exchange(part, files_added{next, {}}));
        bytes = event_bytes_of(entry);
      }
      part.entries.push_back(entry);
    }
    events.emplace_back(std::move(part));
    return events;
  }
  bool is(file_index i, file_status status) const {
    return i < s.files.size() && s.files[i] == status;
  }
  bool is_current(file_index i, lease_id lease) const {
    return is(i, file_status::running) && s.histories.at(i).lease == lease;
  }
  template<class Event>
  static decision just(Event e) {
    return just_one(std::move(e));
  }
  decision refuse(refusal_code code, std::string detail) const {
    return std::unexpected(refusal{code, std::move(detail), allowed_commands(s)});
  }
  decision wrong_state(std::string detail) const {
    return refuse(refusal_code::wrong_state, std::move(detail));
  }
  decision absent() const { return wrong_state("there is no such batch"); }
  decision no_such_file(file_index i) const {
    return refuse(refusal_code::invalid_files, "there is no file " + std::to_string(i));
  }
  decision stale() const {
    return refuse(refusal_code::stale_result, "the file is no longer at this attempt");
  }
};

} // namespace

std::string_view name_of(const command& c) {
  constexpr std::array<std::string_view, std::variant_size_v<command>> names{
      "create",       "add_files",      "remove_file",    "start",         "seal",
      "pause",        "resume",         "cancel",         "retry",         "change_priority",
      "change_spec",  "recover",        "start_file",     "complete_file", "fail_file",
      "requeue_file", "interrupt_file", "change_details", "delete",        "replan_files"};
  return names[c.index()];
}

std::vector<std::string_view> allowed_commands(const batch_state& s) {
  std::vector<std::string_view> allowed;
  const auto add = [&](bool condition, std::string_view name) {
    if (condition) allowed.push_back(name);
  };
  const bool exists = s.phase != batch_phase::absent && s.phase != batch_phase::deleted;
  const bool live = exists && !is_terminal(s.phase);
  add(s.phase == batch_phase::absent, "create");
  add(live && !s.sealed, "add_files");
  add(s.phase == batch_phase::draft, "remove_file");
  add(s.phase == batch_phase::draft || s.phase == batch_phase::running, "start");
  add(live && !s.sealed, "seal");
  add(s.phase == batch_phase::running || s.phase == batch_phase::paused, "pause");
  add(s.phase == batch_phase::running || s.phase == batch_phase::paused, "resume");
  add(live || s.phase == batch_phase::cancelled, "cancel");
  add(exists && !live && s.phase != batch_phase::completed, "retry");
  add(live, "change_priority");
  add(s.phase == batch_phase::draft || s.phase == batch_phase::paused, "change_spec");
  add(exists, "change_details");
  add(exists, "delete");
  return allowed;
}

std::uint32_t retry_delay_ms(std::uint32_t attempts, std::uint32_t chance) {
  const std::uint32_t base = limits::retry_base_ms << std::min(attempts - 1, 10u);
  const std::uint32_t span = base * limits::retry_jitter_percent / 100 * 2;
  return base - span / 2 +
         static_cast<std::uint32_t>(std::uint64_t{span} * std::min(chance, 65'535u) / 65'535u);
}

std::vector<event> follow_up(const batch_state& s) {
  if (s.phase != batch_phase::running && s.phase != batch_phase::paused) return {};
  const bool too_many_failed = s.max_failed != 0 && s.count(file_status::failed) > s.max_failed;
  if (too_many_failed) return just_one(batch_finished{batch_phase::failed, finishing_list(s)});
  if (!s.sealed || s.open() != 0) return {};
  const auto completed = s.count(file_status::completed);
  const auto phase = completed == s.total() ? batch_phase::completed
                     : completed == 0       ? batch_phase::failed
                                            : batch_phase::completed_with_errors;
  return just_one(batch_finished{phase, {}});
}

base::result<std::vector<event>, refusal> decide(const batch_state& state, const command& c) {
  return std::visit(decider(state), c);
}

base::result<std::vector<event>, refusal> execute(batch_state& state, const command& c) {
  auto events = decide(state, c);
  if (!events) return events;
  for (const auto& e : *events)
    if (!domain::apply(state, e))
      return std::unexpected(refusal{refusal_code::wrong_state, "a decision that cannot apply",
                                     allowed_commands(state)});
  for (auto& e : follow_up(state)) {
    if (domain::apply(state, e)) events->push_back(std::move(e));
  }
  return events;
}

} // namespace darkroom::domain
