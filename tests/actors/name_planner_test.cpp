// A changed spec gives other names to more files than one event lists: these are planned a part at
// a time, and no file runs under a name of the spec before.
#include "actors/limits.hpp"
#include "domain/limits.hpp"
#include "fixture.hpp"
#include "persistence/event_codec.hpp"
#include "tests/support/no_threads.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <new>
#include <set>
#include <utility>

using namespace darkroom;
using domain::batch_phase;
using domain::file_status;
using tests::world;

namespace {

constexpr std::uint32_t many = 2'500;
const std::string format = "png";

domain::change_spec to_png(const std::string& suffix = "") {
  domain::change_spec change;
  change.spec.outputs.push_back({.format = format, .suffix = suffix});
  return change;
}

// A paused batch of many files, of which the first two have completed.
void make_paused(world& w) {
  w.start(many);
  w.finish(0);
  w.run();
  w.finish(1);
  w.run();
  REQUIRE(resulting_view(w.tell(domain::pause_batch{domain::pause_mode::interrupt})) != nullptr);
  w.run();
  REQUIRE(w.look().summary.count(file_status::completed) == 2);
}

std::size_t count_events(world& w, std::string_view name) {
  const auto events = w.events();
  return static_cast<std::size_t>(
      std::ranges::count_if(events, [&](const auto& e) { return name_of(e.fact) == name; }));
}

void check_names(world& w, const std::string& suffix = "") {
  for (const auto& file : w.files()) {
    INFO("file " << file.index);
    const auto number = std::to_string(file.index);
    const std::vector<std::string> wanted{file.index < 2 ? "o" + number
                                                         : "f" + number + suffix + '.' + format};
    CHECK(file.entry.outputs == wanted);
  }
}

bool is_refused(const actors::command_outcome& outcome) {
  return std::holds_alternative<actors::rejected>(outcome);
}

// A draft whose names are not in memory: they are read when files are added.
void make_unread(world& w) {
  w.start_draft();
  for (std::uint32_t at = 0; at < many; at += 500) {
    domain::add_files add;
    for (auto i = at; i < at + 500; ++i) {
      const auto name = std::to_string(i);
      add.entries.push_back({"f" + name, "/f" + name, 100, 1, {"o" + name}});
    }
    REQUIRE(resulting_view(w.tell(std::move(add))) != nullptr);
  }
}

// An addition and a command while the names are read, which are in tables then.
template<class Thrown>
world::two_answers add_while_reading_throws(world& w, const Thrown& what) {
  w.crash(); // what was written is in tables now
  REQUIRE(resulting_view(w.tell(domain::change_priority{4})) != nullptr);
  bool thrown = false;
  w.on_table_read([&] { // the first is that of the names
    if (!std::exchange(thrown, true)) throw what;
  });
  auto answers = w.add_and_tell("more.jpg", domain::start_batch{true});
  w.on_table_read(nullptr);
  REQUIRE(thrown);
  return answers;
}

bool is_in_doubt(const world::two_answers& answers) {
  return answers.added && std::holds_alternative<actors::in_doubt>(*answers.added);
}

} // namespace

TEST_CASE("an exception while names are read is an answer, and what waited goes on") {
  world w;
  make_unread(w);
  const auto answers = add_while_reading_throws(w, std::bad_alloc());
  CHECK(is_in_doubt(answers));
  REQUIRE(answers.told);
  CHECK(resulting_view(*answers.told) != nullptr);
  CHECK(w.add({"more.jpg"}).size() == 1);
}

TEST_CASE("the death of NAME READER is an answer, and what waited goes on") {
  world w;
  make_unread(w);
  const auto answers = add_while_reading_throws(w, 7); // NAME READER does not answer for that
  REQUIRE(is_in_doubt(answers));
  CHECK(std::get<actors::in_doubt>(*answers.added).why == "the names could not be read");
  REQUIRE(answers.told);
  CHECK(resulting_view(*answers.told) != nullptr);
  CHECK(w.add({"more.jpg"}).size() == 1);
}

TEST_CASE("where the system has no thread, an addition is in doubt and the batch goes on") {
  world w;
  w.detach_readers(true);
  w.crash();
  make_unread(w);
  {
    const tests::no_threads none;
    const auto answers = w.add_and_tell("more.jpg", to_png());
    CHECK(is_in_doubt(answers));
    REQUIRE(answers.told);
    CHECK(resulting_view(*answers.told) != nullptr);
    w.advance(limits::planning_again_ms);
    CHECK(resulting_view(w.tell(domain::change_priority{4})) != nullptr);
  }
  CHECK(w.replayed().unplanned_upto == many);
  w.detach_readers(false);
  w.crash();
  REQUIRE(resulting_view(w.tell(domain::change_priority{5})) != nullptr);
  w.run();
  CHECK(w.replayed().unplanned_upto == 0);
}

TEST_CASE("a batch waits while others have all threads for names") {
  world w;
  make_unread(w);
  std::vector<actors::thread_budget::place> places;
  const auto take_all = [&](actors::thread_budget& budget) {
    while (auto place = budget.take())
      places.push_back(std::move(place));
  };
  take_all(w.name_threads()->readers);
  CHECK(places.size() == limits::name_readers_max);
  const auto answers = w.add_and_tell("more.jpg", domain::start_batch{true}, [&] {
    w.advance(limits::reading_names_again_ms);
    places.pop_back();
    w.advance(limits::reading_names_again_ms);
  });
  CHECK(answers.added);
  CHECK_FALSE(is_in_doubt(answers));
  CHECK(answers.told);
  CHECK(w.name_threads()->readers.take() != nullptr); // it has ended
  w.tell(domain::pause_batch{domain::pause_mode::interrupt});
  take_all(w.name_threads()->planners);
  REQUIRE(resulting_view(w.tell(to_png())) != nullptr);
  w.advance(3 * limits::planning_again_ms);
  CHECK(w.replayed().unplanned_upto != 0);
  places.clear();
  w.advance(limits::planning_again_ms);
  CHECK(w.replayed().unplanned_upto == 0);
}

TEST_CASE("many files get their names in parts, each within the limit of one event") {
  world w;
  make_paused(w);
  REQUIRE(resulting_view(w.tell(to_png())) != nullptr);
  w.run();
  CHECK(count_events(w, "spec_changed") == 1);
  CHECK(count_events(w, "files_replanned") == 3);
  for (const auto& e : w.events())
    CHECK(persistence::encode_event(e.fact, e.prev, e.time_us).size() <= limits::event_bytes_max);
  check_names(w);
  CHECK(w.replayed().unplanned_upto == 0);
  REQUIRE(resulting_view(w.tell(domain::resume_batch{})) != nullptr);
  while (!w.running().empty())
    w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("few files have their names with the answer, in the event of the change") {
  world w;
  w.start(3);
  w.tell(domain::pause_batch{domain::pause_mode::interrupt});
  w.run();
  REQUIRE(resulting_view(w.tell(to_png())) != nullptr);
  CHECK(count_events(w, "files_replanned") == 0);
  const auto events = w.events();
  const auto* change = std::get_if<domain::spec_changed>(&events.back().fact);
  REQUIRE(change != nullptr);
  CHECK(change->files.size() == 3);
  CHECK_FALSE(change->names_follow);
}

TEST_CASE("what resumes at once runs no file under an earlier name") {
  world w;
  make_paused(w);
  w.tell_both(to_png(), domain::resume_batch{});
  for (int i = 0; i < 3; ++i) {
    for (const auto& [index, held] : w.seen->converting) {
      CHECK(held.job.spec->outputs[0].format == format);
      CHECK(held.job.file->outputs ==
            std::vector<std::string>{"f" + std::to_string(index) + '.' + format});
    }
    w.finish_all();
  }
  while (!w.running().empty())
    w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("after a crash at any moment the rest of the names is planned") {
  for (std::size_t messages = 0; messages < 60; messages += 3) {
    INFO(messages << " messages after the change");
    world w;
    make_paused(w);
    w.ask_only(to_png(), messages);
    w.crash();
    // It is at rest, and comes back when something is to be done.
    if (!(w.replayed().spec == to_png().spec)) w.tell(to_png());
    REQUIRE(resulting_view(w.tell(domain::change_details{"again", {}})) != nullptr);
    w.run();
    CHECK(w.replayed().unplanned_upto == 0);
    check_names(w);
  }
}

TEST_CASE("a spec that changes again while names are planned counts alone") {
  for (std::size_t messages = 1; messages < 60; messages += 4) {
    INFO(messages << " messages after the first change");
    world w;
    make_paused(w);
    w.ask_only(to_png("-a"), messages);
    REQUIRE(resulting_view(w.tell(to_png("-b"))) != nullptr);
    w.run();
    CHECK(w.replayed().unplanned_upto == 0);
    check_names(w, "-b");
  }
}

TEST_CASE("a change that one event holds takes the place of one that is still planned") {
  world w;
  w.start_draft();
  // Few files, whose names are too long for one event.
  const std::string folder(1'000, 'd');
  for (std::uint32_t at = 0; at < 900; at += 300) {
    domain::add_files add;
    for (auto i = at; i < at + 300; ++i) {
      const auto name = folder + "/f" + std::to_string(i);
      add.entries.push_back({name, "/f" + std::to_string(i), 100, 1, {name + ".webp"}});
    }
    REQUIRE(resulting_view(w.tell(std::move(add))) != nullptr);
  }
  auto twice = to_png("-large");
  twice.spec.outputs.push_back({.format = format, .suffix = "-small"});
  for (std::size_t messages = 1; messages < 40; ++messages) {
    INFO(messages << " messages after the first change");
    w.ask_only(twice, messages);
    REQUIRE(resulting_view(w.tell(to_png("-" + std::to_string(messages)))) != nullptr);
    w.run();
    CHECK(w.replayed().unplanned_upto == 0);
    for (const auto& file : w.files()) {
      REQUIRE(file.entry.outputs.size() == 1);
      CHECK(file.entry.outputs[0] ==
            file.entry.path + '-' + std::to_string(messages) + '.' + format);
    }
    for (const auto& e : w.events())
      CHECK(persistence::encode_event(e.fact, e.prev, e.time_us).size() <=
            limits::event_bytes_max + 1'024); // the spec
  }
}

TEST_CASE("commands go on while names are planned and additions wait") {
  world w;
  w.start_draft();
  for (std::uint32_t at = 0; at < many; at += 500) {
    domain::add_files add;
    for (auto i = at; i < at + 500; ++i) {
      const auto name = "f" + std::to_string(i);
      add.entries.push_back({name + ".jpg", "/" + name, 100, 1, {"o" + name}});
    }
    REQUIRE(resulting_view(w.tell(std::move(add))) != nullptr);
  }
  auto change = to_png();
  change.spec.collision = domain::collision_policy::fail; // all names are read before
  w.ask_only(change, 2);
  w.ask_only(domain::start_batch{true}, 0);
  bool started_before_the_end = false;
  for (int i = 0; i < 200; ++i) {
    w.run_some(1);
    const auto now = w.replayed();
    started_before_the_end |= now.phase == batch_phase::running && now.unplanned_upto != 0;
  }
  CHECK(started_before_the_end);
}

TEST_CASE("a batch ends while its names are planned, and is tried again with all of them") {
  world w;
  make_paused(w);
  w.ask_only(to_png(), 8);
  REQUIRE(resulting_view(w.tell(domain::cancel_batch{"enough"})) != nullptr);
  w.run();
  REQUIRE(resulting_view(w.tell(domain::retry_batch{domain::retry_scope::cancelled})) != nullptr);
  w.run();
  check_names(w);
  const auto retried = w.events();
  const auto at = std::ranges::find_if(
      retried, [](const auto& e) { return std::holds_alternative<domain::batch_retried>(e.fact); });
  REQUIRE(at != retried.end());
  CHECK(std::get<domain::batch_retried>(at->fact).files.size() == many - 2);
  CHECK(persistence::encode_event(at->fact, at->prev, at->time_us).size() < 1'000);
}

TEST_CASE("files that are added while names are planned get names that are free then") {
  for (std::size_t messages = 1; messages < 40; messages += 3) {
    INFO(messages << " messages after the change");
    world w;
    w.start_draft();
    for (std::uint32_t at = 0; at < many; at += 500) {
      domain::add_files add;
      for (auto i = at; i < at + 500; ++i)
        add.entries.push_back({"f" + std::to_string(i) + ".jpg",
                               "/f" + std::to_string(i),
                               100,
                               1,
                               {"o" + std::to_string(i)}});
      REQUIRE(resulting_view(w.tell(std::move(add))) != nullptr);
    }
    w.ask_only(to_png(), messages);
    const auto answer = w.add({"f7.gif", "f2400.gif"});
    REQUIRE(answer.size() == 2);
    w.run();
    CHECK(w.replayed().unplanned_upto == 0);
    std::set<std::string> names;
    for (const auto& file : w.files()) {
      REQUIRE(file.entry.outputs.size() == 1);
      CHECK(names.insert(file.entry.outputs[0]).second);
    }
    CHECK(names.contains("f7-2.png"));
    CHECK(names.contains("f2400-2.png"));
  }
}

TEST_CASE("a batch that is deleted plans nothing more") {
  world w;
  make_paused(w);
  w.ask_only(to_png(), 8);
  REQUIRE(resulting_view(w.tell(domain::delete_batch{true})) != nullptr);
  w.run();
  w.advance(limits::purge_retry_ms);
  // It has left the memory, and is cleared away.
  CHECK_FALSE(w.look().found);
  CHECK(w.files().empty());
}

TEST_CASE("two files that would share a name are refused before the spec changes") {
  world w;
  w.start_draft();
  for (std::uint32_t at = 0; at < many; at += 500) {
    domain::add_files add;
    for (auto i = at; i < at + 500; ++i)
      add.entries.push_back({"f" + std::to_string(i / 2) + (i % 2 == 0 ? ".jpg" : ".gif"),
                             "/f" + std::to_string(i),
                             100,
                             1,
                             {"o" + std::to_string(i)}});
    REQUIRE(resulting_view(w.tell(std::move(add))) != nullptr);
  }
  auto change = to_png();
  change.spec.collision = domain::collision_policy::fail;
  const auto outcome = w.tell(change);
  REQUIRE(is_refused(outcome));
  CHECK(std::get<actors::rejected>(outcome).refusal.code == domain::refusal_code::invalid_spec);
  CHECK(count_events(w, "spec_changed") == 0);
  REQUIRE(resulting_view(w.tell(to_png())) != nullptr);
  w.run();
  const auto files = w.files();
  CHECK(files[2].entry.outputs == std::vector<std::string>{"f1.png"});
  CHECK(files[3].entry.outputs == std::vector<std::string>{"f1-2.png"});
}
