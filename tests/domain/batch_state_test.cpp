// Stories of batches, told as transcripts.
#include "domain/batch_state.hpp"
#include "domain/limits.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::domain;

namespace {

// A batch that is told what happens; every step must be possible.
class story {
public:
  batch_state state;

  explicit story(std::uint32_t files, std::uint32_t max_failed = 0) {
    create_batch create;
    create.spec.outputs.push_back({.format = "webp"});
    create.max_failed = max_failed;
    tell(create);
    add_files add;
    for (std::uint32_t i = 0; i < files; ++i)
      add.entries.push_back({"f" + std::to_string(i), "/f" + std::to_string(i), 100, 1, {"o"}});
    tell(add);
  }
  std::vector<event> tell(const command& c) {
    auto events = execute(state, c);
    REQUIRE(events);
    return *events;
  }
  refusal_code refused(const command& c) {
    const auto before = state;
    const auto events = execute(state, c);
    REQUIRE_FALSE(events);
    CHECK(state.same_facts(before));
    return events.error().code;
  }
  void started() { tell(start_batch{}); }
  void run(file_index i, lease_id lease, std::string_view node = local_node) {
    tell(start_file{i, lease, std::string{node}});
  }
  void done(file_index i, lease_id lease) {
    file_completed result;
    result.index = i;
    result.outputs.push_back({.bytes = 10});
    result.bytes_in = 100;
    tell(complete_file{lease, result});
  }
  void failed(file_index i, lease_id lease, failure_reason why) {
    tell(fail_file{i, lease, why, "", 0});
  }
  file_status file(file_index i) const { return state.files.at(i); }
};

} // namespace

TEST_CASE("to replay an event takes as much as the files that it has parts for") {
  CHECK(replay_cost(batch_started{}) == 1);
  CHECK(replay_cost(file_completed{}) == 1);
  CHECK(replay_cost(files_added{.entries = {{}, {}, {}}}) == 3);
  CHECK(replay_cost(batch_retried{.files = {1, 2}}) == 2);
  CHECK(replay_cost(files_replanned{.first = 0, .next = 2, .files = {{}, {}}}) == 2);
  CHECK(replay_cost(spec_changed{}) == 1);
}

TEST_CASE("a batch of two files completes") {
  story s(2);
  CHECK(s.state.phase == batch_phase::draft);
  s.started();
  s.run(0, 1);
  s.run(1, 2);
  s.done(1, 2);
  CHECK(s.state.phase == batch_phase::running);
  s.done(0, 1);
  CHECK(s.state.phase == batch_phase::completed);
  CHECK(s.state.bytes_in == 200);
  CHECK(s.state.bytes_out == 20);
  CHECK(s.state.histories.empty());
}

TEST_CASE("some failed, all failed") {
  story some(2);
  some.started();
  some.run(0, 1);
  some.done(0, 1);
  some.run(1, 2);
  some.failed(1, 2, failure_reason::corrupt_input);
  CHECK(some.state.phase == batch_phase::completed_with_errors);

  story all(1);
  all.started();
  all.failed(0, 0, failure_reason::unsupported_format); // its header was enough
  CHECK(all.state.phase == batch_phase::failed);
}

TEST_CASE("a transient failure waits and runs again, three times in all") {
  story s(1);
  s.started();
  for (std::uint32_t attempt = 1; attempt < limits::attempts_max; ++attempt) {
    s.run(0, attempt);
    s.failed(0, attempt, failure_reason::crashed);
    CHECK(s.file(0) == file_status::retry_wait);
    CHECK(s.state.histories.at(0).attempts == attempt);
    s.tell(requeue_file{0});
  }
  s.run(0, 9);
  s.failed(0, 9, failure_reason::crashed);
  CHECK(s.file(0) == file_status::failed);
}

TEST_CASE("a corrupt input is never tried again") {
  story s(1);
  s.started();
  s.run(0, 1);
  s.failed(0, 1, failure_reason::corrupt_input);
  CHECK(s.file(0) == file_status::failed);
}

TEST_CASE("the wait doubles, with a quarter of jitter") {
  CHECK(retry_delay_ms(1, 0) == 750);
  CHECK(retry_delay_ms(1, 65'535) == 1'250);
  CHECK(retry_delay_ms(2, 0) == 1'500);
  CHECK(retry_delay_ms(3, 65'535) == 5'000);
}

TEST_CASE("an interruption gives the attempt back") {
  story s(1);
  s.started();
  s.run(0, 1);
  s.tell(interrupt_file{0, interruption::shutdown});
  CHECK(s.file(0) == file_status::queued);
  CHECK(s.state.histories.at(0).attempts == 0);
}

TEST_CASE(
    "the fifth lost node in a row fails the file; a completed attempt between breaks the row") {
  story s(1);
  s.started();
  for (lease_id lease = 1; lease < limits::nodes_lost_max; ++lease) {
    s.run(0, lease);
    s.tell(interrupt_file{0, interruption::node_lost});
  }
  s.run(0, 50);
  s.tell(interrupt_file{0, interruption::node_lost});
  CHECK(s.file(0) == file_status::failed);
  CHECK(s.state.failures.of(0) == failure_reason::node_lost);
}

TEST_CASE("a late result changes nothing") {
  story s(2);
  s.started();
  s.run(0, 1);
  s.tell(interrupt_file{0, interruption::node_lost});
  s.run(0, 2);
  file_completed late;
  late.index = 0;
  CHECK(s.refused(complete_file{1, late}) == refusal_code::stale_result);
  CHECK(s.refused(fail_file{0, 1, failure_reason::crashed, "", 0}) == refusal_code::stale_result);
  s.done(0, 2);
  CHECK(s.refused(complete_file{2, late}) == refusal_code::stale_result);
}

TEST_CASE("pause keeps new files from starting, drains or interrupts") {
  story s(3);
  s.started();
  s.run(0, 1);
  s.run(1, 2);
  s.state.finishing.insert(1); // its result was accepted
  const auto events = s.tell(pause_batch{pause_mode::interrupt});
  CHECK(events.size() == 2); // paused, and file 0 interrupted; file 1 is let be
  CHECK(s.file(0) == file_status::queued);
  CHECK(s.file(1) == file_status::running);
  CHECK(s.refused(start_file{2, 3, "n"}) == refusal_code::wrong_state);
  s.done(1, 2);
  CHECK(s.state.phase == batch_phase::paused);
  s.tell(resume_batch{});
  CHECK(s.state.phase == batch_phase::running);
}

TEST_CASE("a batch with nothing left to run ends although it is paused") {
  story s(1);
  s.started();
  s.run(0, 1);
  s.tell(pause_batch{pause_mode::drain});
  s.done(0, 1);
  CHECK(s.state.phase == batch_phase::completed);
}

TEST_CASE("cancel spares a file whose result was accepted") {
  story s(3);
  s.started();
  s.run(0, 1);
  s.run(1, 2);
  s.state.finishing.insert(1);
  s.tell(cancel_batch{"enough"});
  CHECK(s.state.phase == batch_phase::cancelled);
  CHECK(s.file(0) == file_status::cancelled);
  CHECK(s.file(1) == file_status::running);
  CHECK(s.file(2) == file_status::cancelled);
  s.done(1, 2);
  CHECK(s.file(1) == file_status::completed);
  CHECK(s.state.phase == batch_phase::cancelled);
}

TEST_CASE("too many failures end the batch and cancel the rest") {
  story s(4, 1);
  s.started();
  s.failed(0, 0, failure_reason::corrupt_input);
  CHECK(s.state.phase == batch_phase::running);
  s.run(2, 7);
  s.failed(1, 0, failure_reason::corrupt_input);
  CHECK(s.state.phase == batch_phase::failed);
  CHECK(s.state.count(file_status::cancelled) == 2);
}

TEST_CASE("retry runs what failed or was cancelled, chosen by scope and reason") {
  story s(4);
  s.started();
  s.run(0, 1);
  s.done(0, 1);
  s.failed(1, 0, failure_reason::corrupt_input);
  s.failed(2, 0, failure_reason::limit_time);
  s.tell(cancel_batch{""});
  CHECK(s.refused(retry_batch{retry_scope::files, {0}, {}}) == refusal_code::invalid_files);
  CHECK(s.refused(retry_batch{retry_scope::failed, {}, {failure_reason::crashed}}) ==
        refusal_code::invalid_files);
  s.tell(retry_batch{retry_scope::failed, {}, {failure_reason::limit_time}});
  CHECK(s.state.phase == batch_phase::running);
  CHECK(s.file(1) == file_status::failed);
  CHECK(s.file(2) == file_status::queued);
  CHECK(s.file(3) == file_status::cancelled);
  s.run(2, 5);
  s.done(2, 5);
  CHECK(s.state.phase == batch_phase::completed_with_errors);
  s.tell(retry_batch{retry_scope::cancelled, {}, {}});
  CHECK(s.file(3) == file_status::queued);
}

TEST_CASE("a completed batch is not retried") {
  story s(1);
  s.started();
  s.run(0, 1);
  s.done(0, 1);
  CHECK(s.refused(retry_batch{}) == refusal_code::wrong_state);
}

TEST_CASE("an open batch waits for files, a sealed one takes none") {
  story s(1);
  s.tell(start_batch{.keep_open = true});
  s.run(0, 1);
  s.done(0, 1);
  CHECK(s.state.phase == batch_phase::running);
  s.tell(add_files{{{"late", "/late", 1, 1, {"o"}}}});
  s.run(1, 2);
  s.done(1, 2);
  s.tell(seal_batch{});
  CHECK(s.state.phase == batch_phase::completed);
  CHECK(s.refused(add_files{{{"x", "/x", 1, 1, {"o"}}}}) == refusal_code::batch_sealed);
}

TEST_CASE("an empty batch is not started sealed, nor sealed") {
  story s(0);
  CHECK(s.refused(start_batch{}) == refusal_code::no_files);
  CHECK(s.refused(seal_batch{}) == refusal_code::no_files);
}

TEST_CASE("a draft that was sealed stays sealed when it starts, whatever is asked for") {
  story s(1);
  s.tell(seal_batch{});
  const auto events = s.tell(start_batch{true});
  CHECK(std::get<batch_started>(events.front()).sealed);
  CHECK(s.state.sealed);
  CHECK(s.refused(add_files{{{"late", "/late", 1, 1, {"o"}}}}) == refusal_code::batch_sealed);
  s.run(0, 1);
  s.done(0, 1);
  CHECK(s.state.phase == batch_phase::completed);
}

TEST_CASE("a sealed draft whose files were all removed does not start, kept open or not") {
  story s(1);
  s.tell(seal_batch{});
  s.tell(remove_file{0, {"f0", "/f0", 100, 1, {"o"}}});
  CHECK(s.refused(start_batch{true}) == refusal_code::no_files);
  CHECK(s.refused(start_batch{}) == refusal_code::no_files);
}

TEST_CASE("journals of earlier versions, in which a start could unseal, are applied as they are") {
  story s(1);
  s.tell(seal_batch{});
  REQUIRE(darkroom::domain::apply(s.state, batch_started{false}));
  CHECK_FALSE(s.state.sealed);
  REQUIRE(darkroom::domain::apply(s.state, files_added{1, {{"f1", "/f1", 1, 1, {"o1"}}}}));
}

TEST_CASE("a batch starts when all files that it requires are there") {
  batch_state state;
  create_batch create;
  create.spec.outputs.push_back({.format = "webp"});
  create.required = {{"raw", "*.cr2", 1}, {"sidecar", "*.xmp", 2}};
  REQUIRE(execute(state, create));
  const auto add = [&](const std::string& path) {
    REQUIRE(execute(state, add_files{{{path, "/" + path, 1, 1, {path + ".webp"}}}}));
  };
  const auto missing = [&] {
    const auto events = decide(state, start_batch{});
    return events ? std::string{} : events.error().detail;
  };
  CHECK(missing() == "raw: 0 of 1 files like *.cr2; sidecar: 0 of 2 files like *.xmp");
  add("a.CR2");
  add("a.xmp");
  CHECK(missing() == "sidecar: 1 of 2 files like *.xmp");
  CHECK(decide(state, start_batch{true}).error().code == refusal_code::missing_companion);
  add("b.xmp");
  CHECK(missing().empty());
  REQUIRE(execute(state, remove_file{0, {"a.CR2", "/a.CR2", 1, 1, {"a.webp"}}}));
  CHECK(missing() == "raw: 0 of 1 files like *.cr2");
}

TEST_CASE("a batch that starts with its first file waits for what it requires") {
  batch_state state;
  create_batch create;
  create.spec.outputs.push_back({.format = "webp"});
  create.start = start_rule::on_first_file;
  create.required = {{"raw", "*.cr2", 1}};
  REQUIRE(execute(state, create));
  REQUIRE(execute(state, add_files{{{"a.jpg", "/a", 1, 1, {"o"}}}}));
  CHECK(state.phase == batch_phase::draft);
  REQUIRE(execute(state, add_files{{{"a.cr2", "/b", 1, 1, {"p"}}}}));
  CHECK(state.phase == batch_phase::running);
}

TEST_CASE("files leave only a draft") {
  story s(2);
  s.tell(remove_file{0});
  CHECK(s.state.total() == 1);
  CHECK(s.refused(remove_file{0}) == refusal_code::invalid_files);
  s.started();
  CHECK(s.refused(remove_file{1}) == refusal_code::wrong_state);
}

TEST_CASE("after a crash what was running is queued again; recovering twice changes nothing") {
  story s(2);
  s.started();
  s.run(0, 1);
  CHECK(s.tell(recover_batch{}).size() == 1);
  CHECK(s.file(0) == file_status::queued);
  CHECK(s.state.histories.at(0).attempts == 0);
  CHECK(s.state.histories.at(0).crashes == 1);
  CHECK(s.tell(recover_batch{}).empty());
}

TEST_CASE("a file that ran on another machine did not bring the server down") {
  story s(1);
  s.started();
  for (lease_id lease = 1; lease <= 2 * limits::crashes_max; ++lease) {
    s.run(0, lease, "studio-1");
    s.tell(recover_batch{});
  }
  CHECK(s.file(0) == file_status::queued);
  CHECK(s.state.histories.at(0).crashes == 0);
  s.run(0, 100);
  s.tell(recover_batch{});
  CHECK(s.state.histories.at(0).crashes == 1);
}

TEST_CASE("the third crash with the same file running fails that file") {
  story s(2);
  s.started();
  for (lease_id lease = 1; lease <= limits::crashes_max; ++lease) {
    s.run(0, lease);
    s.tell(recover_batch{});
  }
  CHECK(s.file(0) == file_status::failed);
  CHECK(s.state.failures.of(0) == failure_reason::crashed);
  CHECK(s.file(1) == file_status::queued);
}

TEST_CASE("a changed spec is for files that have not ended") {
  story s(2);
  s.started();
  s.run(0, 1);
  s.done(0, 1);
  CHECK(s.refused(change_spec{s.state.spec, {}}) == refusal_code::wrong_state);
  s.tell(pause_batch{});
  auto spec = s.state.spec;
  spec.outputs[0].quality = 50;
  CHECK(s.refused(change_spec{spec, {{0, {"o"}}}}) == refusal_code::invalid_files);
  s.tell(change_spec{spec, {{1, {"o2"}}}});
  CHECK(s.state.spec == spec);
  s.tell(change_priority{7});
  CHECK(s.state.priority == 7);
  CHECK(s.refused(change_priority{10}) == refusal_code::invalid_spec);
}

TEST_CASE("a spec that changes nothing is no event") {
  story s(2);
  CHECK(decide(s.state, change_spec{s.state.spec, {}}).value().empty());
}

TEST_CASE("files whose names follow a changed spec run when they have them") {
  story s(5);
  s.started();
  s.run(0, 1);
  s.done(0, 1);
  s.tell(pause_batch{});
  auto spec = s.state.spec;
  spec.outputs[0].format = "png";
  s.tell(change_spec{spec, {}, true});
  s.tell(resume_batch{});
  CHECK_FALSE(s.state.awaits_names(0)); // it has completed
  CHECK(s.state.awaits_names(1));
  CHECK(s.refused(start_file{1, 2, "n"}) == refusal_code::stale_result);
  CHECK(apply(s.state, file_started{1, 1, 2, "n"}).error() == illegal::wrong_state);
  struct row {
    replan_files part;
    illegal why;
  };
  for (const auto& [part, why] : {row{{1, 3, {}}, illegal::wrong_order}, // not the next
                                  row{{0, 0, {}}, illegal::wrong_order}, // nothing
                                  row{{0, 6, {}}, illegal::wrong_order}, // beyond the last
                                  row{{0, 3, {{0, {"x"}}}}, illegal::wrong_state},    // completed
                                  row{{0, 3, {{3, {"x"}}}}, illegal::wrong_state}}) { // not in it
    auto trial = s.state;
    CHECK(domain::apply(trial, files_replanned{part.first, part.next, part.files}).error() == why);
  }
  s.tell(replan_files{0, 3, {{1, {"o1"}}, {2, {"o2"}}}});
  CHECK_FALSE(s.state.awaits_names(2));
  CHECK(s.state.awaits_names(3));
  s.run(1, 2);
  s.tell(replan_files{3, 5, {{3, {"o3"}}, {4, {"o4"}}}});
  CHECK(s.state.unplanned_from == 0);
  CHECK(s.state.unplanned_upto == 0);
  CHECK(s.refused(replan_files{3, 5, {}}) == refusal_code::stale_result);
}

TEST_CASE("a file that is removed while its names are planned gets none") {
  story s(3);
  auto spec = s.state.spec;
  spec.outputs[0].format = "png";
  s.tell(change_spec{spec, {}, true});
  s.tell(remove_file{1, {"f1", "/f1", 1, 1, {}}});
  const auto events = decide(s.state, replan_files{0, 3, {{0, {"a"}}, {1, {"b"}}, {2, {"c"}}}});
  REQUIRE(events);
  const std::vector<replanned_file> kept{{0, {"a"}}, {2, {"c"}}};
  CHECK(std::get<files_replanned>(events->at(0)).files == kept);
}

TEST_CASE("files with long names are added in as many events as one may be long") {
  story s(1);
  add_files add;
  const std::string path(1'024, 'p');
  for (int i = 0; i < 1'000; ++i)
    add.entries.push_back({path, "/s", 1, 1, {path, path, path}});
  const auto events = decide(s.state, add).value();
  REQUIRE(events.size() == 4);
  file_index next = 1;
  for (const auto& e : events) {
    const auto& part = std::get<files_added>(e);
    CHECK(part.first == next);
    next += static_cast<file_index>(part.entries.size());
    std::size_t bytes = 0;
    for (const auto& entry : part.entries)
      bytes += event_bytes_of(entry);
    CHECK(bytes <= limits::event_bytes_max);
  }
  CHECK(next == 1'001);
}

TEST_CASE("a salvaged picture says how much of it arrived, all others nothing") {
  CHECK(detail_of(file_completed{}).empty());
  file_completed done;
  done.arrived_percent = 40;
  CHECK(detail_of(done) == "40 % of the picture arrived");
}
