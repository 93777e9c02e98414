// Batches with nothing to do leave the memory, are not read at the start, and come back when they
// are asked for.
#include "actors/limits.hpp"
#include "fixture.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <random>
#include <utility>

using namespace darkroom;
using namespace darkroom::actors;
using domain::batch_phase;
using tests::world;
using indexes = std::vector<domain::file_index>;

namespace {

const domain::batch_id second{{8}};
constexpr auto kept_ms = limits::resting_batch_kept_ms;

domain::add_files some_files(std::uint32_t first, std::uint32_t count) {
  domain::add_files add;
  for (auto i = first; i < first + count; ++i) {
    const auto name = std::to_string(i);
    add.entries.push_back({"f" + name, "/f" + name, 100, 1, {"o" + name}});
  }
  return add;
}

void make_draft(world& w, const domain::batch_id& batch = world::id) {
  domain::create_batch create;
  create.owner = "ann";
  create.spec.outputs.push_back({.format = "webp"});
  REQUIRE(resulting_view(w.tell(create, batch)) != nullptr);
  REQUIRE(resulting_view(w.tell(some_files(0, 3), batch)) != nullptr);
}

} // namespace

TEST_CASE("a draft leaves the memory a while after its last change, and comes back") {
  world w;
  make_draft(w);
  w.advance(kept_ms - 1);
  CHECK(w.look().found);
  REQUIRE(resulting_view(w.tell(some_files(3, 1))) != nullptr);
  w.advance(kept_ms - 1);
  CHECK(w.look().found); // the change was less long ago
  w.advance(1);
  CHECK_FALSE(w.look().found);
  CHECK(w.usage->of("ann").live_batches == 1); // it counts wherever it is
  REQUIRE(resulting_view(w.tell(some_files(4, 1))) != nullptr);
  CHECK(w.look().found);
  w.advance(kept_ms);
  CHECK_FALSE(w.look().found);
  REQUIRE(resulting_view(w.tell(domain::start_batch{})) != nullptr);
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
  CHECK(w.seen->placed.size() == 5);
  w.events(); // the journal is whole
}

TEST_CASE("a command that is refused does not keep a batch in memory for ever") {
  world w;
  make_draft(w);
  w.advance(kept_ms);
  CHECK(std::holds_alternative<rejected>(w.tell(domain::pause_batch{})));
  CHECK(w.look().found);
  w.advance(kept_ms);
  CHECK_FALSE(w.look().found);
}

TEST_CASE("a batch that runs stays, one that is paused leaves when nothing of it runs") {
  world w;
  w.start(4);
  w.advance(kept_ms * 2);
  CHECK(w.running() == indexes{0, 1});
  w.tell(domain::pause_batch{domain::pause_mode::drain});
  w.advance(kept_ms * 2);
  CHECK(w.look().found); // two files are being finished
  w.finish_all();
  w.advance(kept_ms);
  CHECK_FALSE(w.look().found);
  REQUIRE(resulting_view(w.tell(domain::resume_batch{})) != nullptr);
  CHECK_FALSE(w.look().time_left); // how fast it was is forgotten, as after a restart
  CHECK(w.running() == indexes{2, 3});
  w.advance(2'000);
  w.finish(2);
  CHECK(w.look().time_left);
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
  for (const auto& [file, history] : w.replayed().histories)
    CHECK(history.crashes == 0);
}

TEST_CASE("an open batch without files leaves, and its next file runs") {
  world w;
  domain::create_batch create;
  create.owner = "ann";
  create.spec.outputs.push_back({.format = "webp"});
  create.keep_open = true;
  w.tell(create);
  w.tell(some_files(0, 1));
  w.tell(domain::start_batch{});
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::running);
  w.advance(kept_ms);
  CHECK_FALSE(w.look().found);
  REQUIRE(resulting_view(w.tell(some_files(1, 1))) != nullptr);
  CHECK(w.running() == indexes{1});
}

TEST_CASE("a creation that is repeated makes no second batch of one that is not in memory") {
  world w;
  make_draft(w);
  w.advance(kept_ms);
  CHECK_FALSE(w.look().found);
  domain::create_batch again;
  again.owner = "ann";
  again.spec.outputs.push_back({.format = "webp"});
  const auto outcome = w.tell(again);
  REQUIRE(std::holds_alternative<rejected>(outcome));
  CHECK(std::get<rejected>(outcome).view.summary.phase == batch_phase::draft);
  CHECK(w.names() == "batch_created files_added");
}

TEST_CASE("a creation in doubt is repeated when the journal is open again, and made once") {
  world w;
  domain::create_batch create;
  create.owner = "ann";
  create.spec.outputs.push_back({.format = "webp"});
  w.break_disk(true);
  CHECK(std::holds_alternative<in_doubt>(w.tell(create)));
  CHECK(std::holds_alternative<in_doubt>(w.tell(create)));
  w.break_disk(false);
  w.advance(limits::journal_reopen_ms);
  CHECK(resulting_view(w.tell(create)) != nullptr);
  CHECK(std::holds_alternative<rejected>(w.tell(create)));
  w.advance(kept_ms);
  CHECK(std::holds_alternative<rejected>(w.tell(create)));
  CHECK(w.names() == "batch_created");
}

TEST_CASE("a draft is deleted while it is not in memory") {
  world w;
  make_draft(w);
  w.advance(kept_ms);
  REQUIRE(resulting_view(w.tell(domain::delete_batch{true})) != nullptr);
  CHECK(w.usage->of("ann").batches == 0);
  CHECK(std::holds_alternative<not_found>(w.tell(domain::start_batch{})));
}

TEST_CASE("what the files of a deleted batch had is released") {
  world w;
  w.start(2);
  w.finish_all();
  CHECK(w.seen->released.empty());
  REQUIRE(resulting_view(w.tell(domain::delete_batch{true})) != nullptr);
  w.run();
  CHECK(w.seen->released == std::set<std::string>{"f0", "f1"});
}

TEST_CASE("a start reads what has work to do, and counts the rest") {
  world w;
  w.start(6);
  w.finish(1);
  make_draft(w, second);
  w.crash();
  CHECK(w.look().found);
  CHECK(w.running() == indexes{3, 4}); // 0 and 2 are suspects
  CHECK_FALSE(w.look(second).found);
  CHECK(w.usage->of("ann").batches == 2);
  CHECK(w.usage->find(second)->files == 3);
  REQUIRE(resulting_view(w.tell(domain::change_priority{3}, second)) != nullptr);
  CHECK(w.look(second).found);
}

TEST_CASE("a file that was running in a paused batch when the process died is recovered") {
  world w;
  w.start(1);
  w.tell(domain::pause_batch{domain::pause_mode::drain});
  CHECK(w.running() == indexes{0});
  w.crash();
  CHECK(w.look().found);
  CHECK(w.replayed().histories.at(0).crashes == 1);
  CHECK(w.replayed().count(domain::file_status::queued) == 1);
}

TEST_CASE("while a batch is read, its requests wait and those of others go on") {
  world w;
  make_draft(w);
  for (std::uint32_t file = 3; file < 1'000; file += 100)
    w.tell(some_files(file, 100)); // more than RocksDB has read for the summary
  make_draft(w, second);
  w.crash(); // what was written is in tables now
  REQUIRE(resulting_view(w.tell(domain::change_priority{1}, second)) != nullptr);
  bool reads = false, goes_on = false, held = true;
  w.on_table_read([&] {
    if (std::exchange(reads, true)) return; // what is done in here reads as well
    w.send(domain::change_priority{4}, second);
    w.run(); // all actors but the one that reads
    goes_on |= w.answer(second).value_or(batch_view{}).summary.priority == 4;
    held &= !w.answer(world::id).value_or(batch_view{}).found;
    reads = false;
  });
  w.send(domain::change_priority{2});
  w.send(domain::change_priority{3});
  w.run();
  w.on_table_read(nullptr);
  CHECK(goes_on);
  CHECK(held);
  CHECK(w.look().summary.priority == 3);
  w.events(); // the journal is whole
}

TEST_CASE("more batches than there are readers are read one after the other") {
  world w;
  std::vector<domain::batch_id> drafts;
  for (std::uint8_t i = 0; i < 3 * limits::batch_readers_max; ++i)
    make_draft(w, drafts.emplace_back(domain::batch_id{{9, i}}));
  w.advance(kept_ms);
  for (const auto& batch : drafts)
    w.send(domain::change_priority{5}, batch);
  w.run();
  for (const auto& batch : drafts)
    CHECK(w.look(batch).summary.priority == 5);
}

TEST_CASE("a batch is read again when the journal fails while it is read") {
  world w;
  make_draft(w);
  make_draft(w, second);
  w.advance(kept_ms);
  for (std::size_t messages = 0; messages < 12; ++messages) {
    CAPTURE(messages);
    w.send(domain::change_priority{7});
    w.run_some(messages);
    w.break_disk(true);
    w.send(domain::change_priority{1}, second);
    w.run();
    w.break_disk(false);
    w.advance(limits::journal_reopen_ms + 1);
    // It was done, or in doubt; either way the batch is as the journal says.
    REQUIRE(resulting_view(w.tell(domain::change_priority{6})) != nullptr);
    CHECK(w.look().summary.priority == 6);
    CHECK(w.replayed().priority == 6);
    w.advance(kept_ms);
    CHECK_FALSE(w.look().found);
  }
}

TEST_CASE("an ended batch that runs again stays itself when others end") {
  world w;
  std::vector<domain::batch_id> batches;
  const auto end_one = [&] {
    const auto& batch =
        batches.emplace_back(domain::batch_id{{9, static_cast<std::uint8_t>(batches.size())}});
    make_draft(w, batch);
    REQUIRE(resulting_view(w.tell(domain::cancel_batch{"enough"}, batch)) != nullptr);
  };
  while (batches.size() < limits::ended_batches_kept)
    end_one();
  const auto first = batches.front();
  REQUIRE(resulting_view(w.tell(domain::retry_batch{domain::retry_scope::cancelled}, first)) !=
          nullptr);
  end_one(); // the first would have to leave, but for its work
  for (const auto& batch : batches) {
    const auto view = w.look(batch);
    if (view.found) CHECK(view.summary.id == batch);
  }
  CHECK(w.look(first).summary.phase == batch_phase::running);
  const auto paused = w.tell(domain::pause_batch{}, first);
  REQUIRE(resulting_view(paused) != nullptr);
  CHECK(resulting_view(paused)->summary.id == first);
  for (std::size_t i = 1; i < batches.size(); ++i)
    CHECK(w.replayed(batches[i]).phase == batch_phase::cancelled);
}

TEST_CASE("a supervisor that dies begins again alone, with all that it wrote") {
  world w(4);
  w.start(2);
  make_draft(w, second);
  w.break_clock_once();
  // The first dies of it and is not answered; the second waits until the batch is there again.
  const auto answer = w.tell_again(domain::pause_batch{}, 1'000);
  CHECK(resulting_view(answer) != nullptr);
  REQUIRE(w.announced.size() == 1);
  CHECK(w.announced.back().ends_with("; it begins again"));
  CHECK(w.look().summary.phase == batch_phase::paused);
  CHECK(w.look(second).summary.phase == batch_phase::draft);
  for (const auto& [file, history] : w.replayed().histories)
    CHECK(history.crashes == 0); // the process has survived
  w.events();                    // the journal is whole
}

TEST_CASE("lives with long pauses end as others do") {
  for (std::uint32_t seed = 1; seed <= 8; ++seed) {
    INFO("seed " << seed);
    std::mt19937 dice(seed);
    world w(2);
    w.start(12);
    for (int step = 0; step < 60; ++step) {
      const auto running = w.running();
      switch (dice() % 7) {
      case 0:
        w.tell(domain::pause_batch{dice() % 2 == 0 ? domain::pause_mode::drain
                                                   : domain::pause_mode::interrupt});
        break;
      case 1:
        w.tell(domain::resume_batch{});
        break;
      case 2:
        w.advance(kept_ms);
        break;
      case 3:
        w.crash();
        break;
      case 4:
        w.tell(domain::change_priority{static_cast<std::uint8_t>(dice() % 9)});
        break;
      default:
        if (!running.empty()) w.finish(running[dice() % running.size()]);
        break;
      }
    }
    w.tell(domain::resume_batch{});
    for (int i = 0; i < 20; ++i) {
      w.finish_all();
      w.advance(10'000);
    }
    std::map<domain::file_index, int> ended;
    for (const auto& e : w.events())
      if (std::holds_alternative<domain::file_completed>(e.fact) ||
          std::holds_alternative<domain::file_failed>(e.fact))
        ++ended[*domain::file_of(e.fact)];
    CHECK(ended.size() == 12);
    for (const auto& [file, times] : ended)
      CHECK(times == 1);
  }
}
