// Every (state, command) and every (state, event), the illegal ones too, as tables.
#include "domain/batch_state.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <utility>

using namespace darkroom::domain;

namespace {

constexpr batch_phase phases[] = {
    batch_phase::absent, batch_phase::draft,     batch_phase::running,
    batch_phase::paused, batch_phase::completed, batch_phase::completed_with_errors,
    batch_phase::failed, batch_phase::cancelled, batch_phase::deleted};
static_assert(std::size(phases) == darkroom::base::enum_count<batch_phase>);

// Files by index: 0 queued, 1 running (lease 1), 2 retry_wait, 3 completed, 4 failed, 5 cancelled,
// 6 removed; as far as the phase can have such files.
batch_state state_in(batch_phase phase) {
  batch_state s;
  s.phase = phase;
  if (phase == batch_phase::absent) return s;
  s.sealed = phase != batch_phase::draft;
  s.spec.outputs.push_back({.format = "webp"});
  for (auto status : darkroom::base::enum_values<file_status>()) {
    if (phase == batch_phase::draft && status != file_status::removed) status = file_status::queued;
    if (is_terminal(phase) && !is_terminal(status)) status = file_status::cancelled;
    s.files.push_back(status);
    s.counts[static_cast<std::size_t>(status)] += 1;
    if (status == file_status::running) s.histories[1] = {.attempts = 1, .lease = 1};
    if (status == file_status::failed) s.failures.set(4, failure_reason::corrupt_input);
  }
  return s;
}

// y: events; -: nothing, it is already so; else why it is refused.
char decided(const batch_state& s, const command& c) {
  const auto events = decide(s, c);
  if (events) return events->empty() ? '-' : 'y';
  switch (events.error().code) {
  case refusal_code::wrong_state:
    return 'w';
  case refusal_code::no_files:
    return 'n';
  case refusal_code::batch_sealed:
    return 's';
  case refusal_code::too_many_files:
    return 'm';
  case refusal_code::invalid_spec:
    return 'p';
  case refusal_code::invalid_files:
    return 'i';
  case refusal_code::stale_result:
    return 'l';
  case refusal_code::missing_companion:
    return 'c';
  }
  return '?';
}

std::string by_phase(const command& c) {
  std::string row;
  for (const auto phase : phases)
    row += decided(state_in(phase), c);
  return row;
}

template<class Make>
std::string by_file(batch_phase phase, Make make) {
  std::string row;
  for (file_index i = 0; i < darkroom::base::enum_count<file_status>; ++i)
    row += decided(state_in(phase), make(i));
  return row + decided(state_in(phase), make(99));
}

char applied(const batch_state& before, const event& e) {
  auto s = before;
  if (darkroom::domain::apply(s, e)) return 'y';
  CHECK(s.same_facts(before)); // an illegal event changes nothing
  return 'n';
}

std::string event_by_phase(const event& e) {
  std::string row;
  for (const auto phase : phases)
    row += applied(state_in(phase), e);
  return row;
}

template<class Make>
std::string event_by_file(batch_phase phase, Make make) {
  std::string row;
  for (file_index i = 0; i < darkroom::base::enum_count<file_status>; ++i)
    row += applied(state_in(phase), make(i));
  return row + applied(state_in(phase), make(99));
}

create_batch good_creation() {
  create_batch c;
  c.spec.outputs.push_back({.format = "webp"});
  return c;
}

conversion_spec other_spec() {
  conversion_spec spec;
  spec.outputs.push_back({.format = "png"});
  return spec;
}

file_completed completed(file_index i) {
  file_completed e;
  e.index = i;
  return e;
}

} // namespace

TEST_CASE("commands of people, by phase of the batch") {
  //            absent, draft, running, paused, completed, with errors, failed, cancelled,
  //            deleted
  CHECK(by_phase(good_creation()) == "ywwwwwwww");
  CHECK(by_phase(add_files{{{"a", "/a", 1, 1, {"o"}}}}) == "wysssssss");
  CHECK(by_phase(add_files{}) == "w-sssssss");
  CHECK(by_phase(remove_file{0}) == "wywwwwwww");
  CHECK(by_phase(remove_file{99}) == "wiwwwwwww");
  CHECK(by_phase(start_batch{}) == "wy-wwwwww");
  CHECK(by_phase(seal_batch{}) == "wy-------");
  CHECK(by_phase(pause_batch{pause_mode::drain}) == "wwy-wwwww");
  CHECK(by_phase(pause_batch{pause_mode::interrupt}) == "wwyywwwww");
  CHECK(by_phase(resume_batch{}) == "ww-ywwwww");
  CHECK(by_phase(cancel_batch{}) == "wyyywww-w");
  CHECK(by_phase(retry_batch{}) == "wwwwwyyyw");
  CHECK(by_phase(retry_batch{retry_scope::files, {3}, {}}) == "wwwwwiiiw");
  CHECK(by_phase(change_priority{5}) == "wyyywwwww");
  CHECK(by_phase(change_spec{state_in(batch_phase::draft).spec, {}}) == "w-w-wwwww");
  CHECK(by_phase(change_spec{other_spec(), {}}) == "wywwwwwww");
  CHECK(by_phase(change_spec{other_spec(), {}, true}) == "wywwwwwww");
  CHECK(by_phase(replan_files{0, 1, {}}) == "wlllllllw");
  CHECK(by_phase(change_details{"n", {}}) == "wyyyyyyyw");
  CHECK(by_phase(change_details{}) == "w-------w");
  CHECK(by_phase(delete_batch{false}) == "wywwyyyyw");
  CHECK(by_phase(delete_batch{true}) == "wyyyyyyyw");
}

TEST_CASE("commands of the machinery, by phase of the batch") {
  CHECK(by_phase(recover_batch{}) == "--yy-----");
  CHECK(by_phase(start_file{0, 2, "n"}) == "wwywwwwww");
}

TEST_CASE("commands about a file, by state of the file") {
  const auto start = [](file_index i) { return start_file{i, 2, "n"}; };
  const auto complete = [](file_index i) { return complete_file{1, completed(i)}; };
  const auto complete_late = [](file_index i) { return complete_file{7, completed(i)}; };
  const auto fail = [](file_index i) { return fail_file{i, 1, failure_reason::crashed, "", 0}; };
  const auto fail_unstarted = [](file_index i) {
    return fail_file{i, 0, failure_reason::corrupt_input, "", 0};
  };
  const auto requeue = [](file_index i) { return requeue_file{i}; };
  const auto interrupt = [](file_index i) { return interrupt_file{i, interruption::shutdown}; };
  //  queued, running, retry_wait, completed, failed, cancelled, removed, no such file
  CHECK(by_file(batch_phase::running, start) == "ylllllll");
  CHECK(by_file(batch_phase::paused, start) == "wwwwwwww");
  for (const auto phase : {batch_phase::running, batch_phase::paused}) {
    CHECK(by_file(phase, complete) == "lyllllll");
    CHECK(by_file(phase, complete_late) == "llllllll");
    CHECK(by_file(phase, fail) == "lyllllll");
    CHECK(by_file(phase, fail_unstarted) == "ylllllll");
    CHECK(by_file(phase, requeue) == "llylllll");
    CHECK(by_file(phase, interrupt) == "lyllllll");
  }
  for (const auto phase : {batch_phase::completed, batch_phase::failed, batch_phase::cancelled})
    for (const auto& row : {by_file(phase, complete), by_file(phase, fail), by_file(phase, requeue),
                            by_file(phase, interrupt)})
      CHECK(row == "llllllll");
}

TEST_CASE("events, by phase of the batch") {
  //            absent, draft, running, paused, completed, with errors, failed, cancelled,
  //            deleted
  CHECK(event_by_phase(batch_created{}) == "ynnnnnnnn");
  CHECK(event_by_phase(files_added{7, {{"a", "/a", 1, 1, {}}}}) == "nynnnnnnn");
  CHECK(event_by_phase(files_added{3, {{"a", "/a", 1, 1, {}}}}) == "nnnnnnnnn");
  CHECK(event_by_phase(file_removed{0}) == "nynnnnnnn");
  CHECK(event_by_phase(batch_started{true}) == "nynnnnnnn");
  CHECK(event_by_phase(batch_sealed{}) == "nynnnnnnn");
  CHECK(event_by_phase(batch_paused{}) == "nnynnnnnn");
  CHECK(event_by_phase(batch_resumed{}) == "nnnynnnnn");
  CHECK(event_by_phase(batch_cancelled{}) == "nyyynnnnn");
  CHECK(event_by_phase(batch_finished{batch_phase::completed, {}}) == "nnyynnnnn");
  CHECK(event_by_phase(batch_finished{batch_phase::draft, {}}) == "nnnnnnnnn");
  CHECK(event_by_phase(batch_retried{{4}}) == "nnnnnyyyn");
  CHECK(event_by_phase(batch_retried{{3}}) == "nnnnnnnnn");
  CHECK(event_by_phase(batch_retried{{99}}) == "nnnnnnnnn");
  CHECK(event_by_phase(priority_changed{3}) == "nyyynnnnn");
  CHECK(event_by_phase(spec_changed{}) == "nynynnnnn");
  CHECK(event_by_phase(files_replanned{0, 1, {}}) == "nnnnnnnnn"); // no file lacks its names
  CHECK(event_by_phase(details_changed{"n", {}}) == "nyyyyyyyn");
  CHECK(event_by_phase(batch_deleted{}) == "nyyyyyyyn");
  CHECK(event_by_phase(batch_recovered{{1}}) == "nnyynnnnn");
  CHECK(event_by_phase(batch_recovered{{}}) == "nnnnnnnnn");
}

TEST_CASE("events about a file, by state of the file") {
  const auto started = [](file_index i) { return file_started{i, 1, 2, "n"}; };
  const auto failed = [](file_index i) { return file_failed{i}; };
  const auto waits = [](file_index i) { return file_retry_scheduled{i}; };
  const auto requeued = [](file_index i) { return file_requeued{i}; };
  const auto interrupted = [](file_index i) { return file_interrupted{i}; };
  //  queued, running, retry_wait, completed, failed, cancelled, removed, no such file
  CHECK(event_by_file(batch_phase::running, started) == "ynnnnnnn");
  CHECK(event_by_file(batch_phase::paused, started) == "nnnnnnnn");
  for (const auto phase : {batch_phase::running, batch_phase::paused}) {
    CHECK(event_by_file(phase, completed) == "nynnnnnn");
    CHECK(event_by_file(phase, failed) == "yynnnnnn");
    CHECK(event_by_file(phase, waits) == "yynnnnnn");
    CHECK(event_by_file(phase, requeued) == "nnynnnnn");
    CHECK(event_by_file(phase, interrupted) == "nynnnnnn");
  }
  CHECK(event_by_file(batch_phase::draft, started) == "nnnnnnnn");
  CHECK(event_by_file(batch_phase::draft, failed) == "nnnnnnnn");
  CHECK(event_by_file(batch_phase::cancelled, completed) == "nnnnnnnn");
}

TEST_CASE("what is refused says what is allowed") {
  const auto refused = decide(state_in(batch_phase::completed), pause_batch{});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().allowed == std::vector<std::string_view>{"change_details", "delete"});
  const auto draft = decide(state_in(batch_phase::draft), pause_batch{});
  REQUIRE_FALSE(draft);
  CHECK(draft.error().allowed == std::vector<std::string_view>{
                                     "add_files", "remove_file", "start", "seal", "cancel",
                                     "change_priority", "change_spec", "change_details", "delete"});
}

TEST_CASE("every command that a state allows is accepted in it") {
  const std::pair<std::string_view, command> commands[] = {
      {"add_files", add_files{{{"a", "/a", 1, 1, {"o"}}}}},
      {"remove_file", remove_file{0}},
      {"start", start_batch{}},
      {"seal", seal_batch{}},
      {"pause", pause_batch{}},
      {"resume", resume_batch{}},
      {"cancel", cancel_batch{}},
      {"retry", retry_batch{}},
      {"change_priority", change_priority{1}},
      {"change_details", change_details{"n", {}}},
      {"delete", delete_batch{true}}};
  for (const auto phase : phases)
    for (const auto& name : allowed_commands(state_in(phase)))
      for (const auto& [word, c] : commands)
        if (word == name) {
          INFO(to_string(phase) << ' ' << name);
          CHECK(decide(state_in(phase), c).has_value());
        }
}
