// The life of a batch through all actors, told as transcripts.
#include "actors/limits.hpp"
#include "base/units.hpp"
#include "fixture.hpp"
#include "persistence/limits.hpp"

#include <algorithm>
#include <random>

using namespace darkroom;
using namespace darkroom::tests;
using domain::batch_phase;
using domain::failure_reason;
using files = std::vector<domain::file_index>;

namespace {

bool done(const actors::command_outcome& outcome) {
  return actors::resulting_view(outcome) != nullptr;
}

bool in_doubt(const actors::command_outcome& outcome) {
  return std::holds_alternative<actors::in_doubt>(outcome);
}

} // namespace

TEST_CASE("what a replay takes is bounded by the files, also after many starts") {
  world w;
  w.start_draft();
  domain::file_index added = 0;
  for (int life = 0; life < 6; ++life) {
    for (int events = 0; events < 8; ++events) { // never enough for a snapshot in one life
      domain::add_files add;
      for (; add.entries.size() < limits::files_per_event_max; ++added)
        add.entries.push_back({"f" + std::to_string(added), "/f", 5, 1, {std::to_string(added)}});
      REQUIRE(done(w.tell(std::move(add))));
    }
    CHECK(w.replay().tail_cost <= std::max<std::uint64_t>(limits::snapshot_tail_files, added / 4) +
                                      limits::files_per_event_max);
    w.crash();
  }
  CHECK(w.replayed().files.size() == added);
}

TEST_CASE("two files run in two slots and complete") {
  world w;
  w.start(3);
  CHECK(w.running() == files{0, 1});
  w.finish(1);
  CHECK(w.running() == files{0, 2});
  CHECK(w.seen->placed == std::set<std::string>{"o1"});
  w.finish(0);
  w.finish(2);
  CHECK(w.look().summary.phase == batch_phase::completed);
  CHECK(w.names() == "batch_created files_added batch_started file_started:0 file_started:1 "
                     "file_started:2 file_completed:1 file_completed:0 file_completed:2 "
                     "batch_finished");
  CHECK(w.seen->staged.empty());
}

TEST_CASE("a bad header fails a file before it has a lease") {
  world w;
  w.seen->bad_headers["f0"] = {failure_reason::limit_pixels, "huge"};
  w.start(2);
  CHECK(w.running() == files{1});
  w.finish(1);
  CHECK(w.look().summary.phase == batch_phase::completed_with_errors);
}

TEST_CASE("a passing failure is tried again after its wait, a lasting one is not") {
  world w;
  w.start(2);
  w.fail(0, failure_reason::crashed);
  w.fail(1, failure_reason::corrupt_input);
  CHECK(w.running().empty());
  w.advance(900);
  CHECK(w.running().empty());
  w.advance(101);
  CHECK(w.running() == files{0});
  w.finish(0);
  CHECK(w.look().summary.phase == batch_phase::completed_with_errors);
  CHECK(w.replayed().count(domain::file_status::completed) == 1);
}

TEST_CASE("a retry does not wait for another file's, which is due later") {
  world w;
  w.start(2);
  w.fail(0, failure_reason::crashed);
  w.advance(1'001);
  CHECK(w.running() == files{0, 1});
  w.fail(0, failure_reason::crashed); // in two seconds
  w.fail(1, failure_reason::crashed); // in one
  w.advance(1'001);
  CHECK(w.running() == files{1});
  w.advance(1'001);
  CHECK(w.running() == files{0, 1});
}

TEST_CASE("a command that changes nothing journals nothing") {
  world w;
  w.start(2);
  REQUIRE(done(w.tell(domain::pause_batch{domain::pause_mode::drain})));
  const auto before = w.events().size();
  const auto seq = w.look().summary.seq;
  for (int i = 0; i < 3; ++i) {
    const auto again = w.tell(domain::pause_batch{domain::pause_mode::drain});
    CHECK(std::holds_alternative<actors::unchanged>(again));
  }
  CHECK(w.events().size() == before);
  CHECK(w.look().summary.seq == seq);
  REQUIRE(done(w.tell(domain::resume_batch{})));
  w.finish_all();
}

TEST_CASE("the time that is left is told from the first end of a file on, while the batch runs") {
  world w(1);
  w.start(4);
  w.advance(2'000);
  CHECK_FALSE(w.look().time_left);
  w.finish(0);
  w.run();
  const auto left = [&] { return w.look().time_left.value_or(actors::time_left{}).ms; };
  CHECK((left() > 5'800 && left() < 6'200)); // three files, each of which takes two seconds
  w.tell(domain::pause_batch{domain::pause_mode::interrupt});
  CHECK_FALSE(w.look().time_left);
  w.advance(limits::resting_batch_kept_ms - 1); // afterwards it would not be in memory
  w.tell(domain::resume_batch{});
  CHECK((left() > 5'800 && left() < 6'200)); // the pause does not count
  w.advance(2'000);
  w.fail(w.running().front(), domain::failure_reason::corrupt_input);
  w.run();
  CHECK((left() > 3'800 && left() < 4'200)); // what failed has ended
  w.finish_all();
  CHECK_FALSE(w.look().time_left);
}

TEST_CASE("pause drains: what runs finishes, nothing new starts, resume goes on") {
  world w;
  w.start(5);
  REQUIRE(done(w.tell(domain::pause_batch{})));
  w.finish_all();
  CHECK(w.running().empty());
  CHECK(w.look().summary.phase == batch_phase::paused);
  CHECK(w.look().in_flight == 0);
  REQUIRE(done(w.tell(domain::resume_batch{})));
  CHECK(w.running().size() == 2);
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("pause interrupts: what runs is given back at once") {
  world w;
  w.start(4);
  REQUIRE(done(w.tell(domain::pause_batch{domain::pause_mode::interrupt})));
  CHECK(w.running().empty());
  CHECK(w.seen->interrupted.size() == 2);
  CHECK(w.replayed().count(domain::file_status::queued) == 4);
  CHECK(w.replayed().histories.at(0).attempts == 0);
  REQUIRE(done(w.tell(domain::resume_batch{})));
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("cancel ends what runs; its output gets no name") {
  world w;
  w.start(4);
  w.finish(0);
  REQUIRE(done(w.tell(domain::cancel_batch{"enough"})));
  CHECK(w.running().empty());
  CHECK(w.look().summary.phase == batch_phase::cancelled);
  CHECK(w.seen->placed == std::set<std::string>{"o0"});
  CHECK(w.seen->staged.empty());
  REQUIRE(done(w.tell(domain::retry_batch{domain::retry_scope::cancelled, {}, {}})));
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("too many failures end the batch and what runs") {
  world w;
  w.seen->bad_headers["f3"] = {failure_reason::corrupt_input, ""};
  w.start(6, 1);
  w.fail(0, failure_reason::corrupt_input);
  CHECK(w.look().summary.phase == batch_phase::failed);
  CHECK(w.running().empty());
}

TEST_CASE("a command in the wrong state says what is allowed") {
  world w;
  w.start(1);
  const auto resumed = w.tell(domain::resume_batch{});
  CHECK(std::holds_alternative<actors::unchanged>(resumed)); // it runs already
  const auto retry = w.tell(domain::retry_batch{});
  const auto* refused = std::get_if<actors::rejected>(&retry);
  REQUIRE(refused != nullptr);
  CHECK(refused->refusal.code == domain::refusal_code::wrong_state);
  CHECK_FALSE(refused->refusal.allowed.empty());
  CHECK(refused->view.summary.phase == batch_phase::running);
  const auto of_none = w.tell(domain::pause_batch{}, domain::batch_id{{99}});
  CHECK(std::holds_alternative<actors::not_found>(of_none));
}

TEST_CASE("a refused creation says what is wrong with it") {
  world w;
  const auto outcome = w.tell(domain::create_batch{.owner = "ann"}); // without outputs
  const auto* refused = std::get_if<actors::rejected>(&outcome);
  REQUIRE(refused != nullptr);
  CHECK(refused->refusal.code == domain::refusal_code::invalid_spec);
  CHECK(refused->view.summary.phase == batch_phase::absent);
  CHECK(std::holds_alternative<actors::not_found>(w.tell(domain::start_batch{})));
}

TEST_CASE("an output's name that is somebody else's fails the file") {
  world w;
  w.seen->taken.insert("o0");
  w.start(1);
  w.finish(0);
  CHECK(w.look().summary.phase == batch_phase::failed);
  CHECK(w.replayed().failures.of(0) == failure_reason::output_exists);
}

TEST_CASE("a full disk fails nothing: it gives back and waits for room") {
  world w(1);
  w.start(2);
  w.seen->disk_full = true;
  w.finish(0);
  w.finish(1); // it had its lease already
  CHECK(w.running().empty());
  CHECK(w.replayed().count(domain::file_status::queued) == 2);
  w.seen->disk_full = false;
  w.advance(limits::disk_full_wait_ms + 1);
  CHECK_FALSE(w.running().empty());
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("below the floor of free disk nothing begins, and nothing fails") {
  world w(1);
  w.set_room(false);
  w.start(2);
  CHECK(w.running().empty());
  CHECK(w.replayed().count(domain::file_status::queued) == 2);
  w.advance(limits::disk_full_wait_ms + 1);
  CHECK(w.running().empty());
  w.set_room(true);
  w.advance(limits::disk_full_wait_ms + 1);
  CHECK_FALSE(w.running().empty());
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("while the store cannot be reached, files are given back without an attempt") {
  world w(1);
  w.set_store(false);
  w.crash(); // begins with probes
  w.start(1);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(w.running() == files{0});
    w.fail(0, failure_reason::io_error);
    CHECK(w.replayed().count(domain::file_status::running) == 1); // nothing is decided yet
    w.advance(limits::store_verdict_ms);
    CHECK(w.replayed().count(domain::file_status::queued) == 1);
    w.advance(limits::disk_full_wait_ms + 1);
  }
  w.set_store(true);
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
  CHECK(w.names().find("retry") == std::string::npos);
}

TEST_CASE("a header that cannot be read while the store cannot be reached is read again") {
  world w(1);
  w.set_store(false);
  w.crash();
  w.seen->bad_headers["f0"] = {failure_reason::source_missing, "gone"};
  w.start(1);
  w.advance(limits::store_verdict_ms);
  w.advance(limits::store_verdict_ms);
  CHECK(w.replayed().count(domain::file_status::queued) == 1);
  CHECK(w.seen->probed.size() >= 2);
  SECTION("and then converted") {
    w.seen->bad_headers.clear();
    w.set_store(true);
    w.advance(limits::store_verdict_ms);
    w.advance(limits::disk_full_wait_ms + 1);
    w.finish_all();
    CHECK(w.look().summary.phase == batch_phase::completed);
  }
  SECTION("or takes an attempt when the store works") {
    w.set_store(true);
    w.advance(limits::store_verdict_ms);
    CHECK(w.replayed().count(domain::file_status::retry_wait) == 1);
  }
  SECTION("unless the batch is paused meanwhile") {
    w.tell(domain::pause_batch{});
    w.advance(limits::store_verdict_ms);
    CHECK(w.look().in_flight == 0);
  }
}

TEST_CASE("while the store works, a file that cannot be read takes an attempt") {
  world w(1);
  w.set_store(true);
  w.crash();
  w.start(1);
  w.fail(0, failure_reason::source_missing);
  w.advance(limits::store_verdict_ms);
  CHECK(w.replayed().count(domain::file_status::retry_wait) == 1);
}

TEST_CASE("a file that ran out of memory runs again with more, and fails when there is no more") {
  world w(2, 100 * limits::MiB);
  w.start(1);
  const auto first = w.seen->converting.at(0).job.memory_bytes;
  w.fail(0, failure_reason::limit_memory);
  REQUIRE(w.running() == files{0});
  CHECK(w.seen->converting.at(0).job.memory_bytes == first * 2);
  while (!w.running().empty())
    w.fail(0, failure_reason::limit_memory);
  CHECK(w.replayed().failures.of(0) == failure_reason::limit_memory);
}

TEST_CASE("a small file is converted without a look at its header before") {
  world w(2, 100 * limits::MiB);
  w.seen->file_bytes = limits::unread_bytes_max;
  w.start(3);
  CHECK(w.running() == files{0, 1});
  CHECK(w.seen->probed.empty());
  const auto& job = w.seen->converting.at(0).job;
  CHECK_FALSE(job.header_read);
  CHECK(job.memory_bytes == limits::unread_memory_bytes);
  CHECK(job.cpu_ms >= limits::cpu_base_ms);

  SECTION("all of them") {
    w.finish_all();
    CHECK(w.look().summary.phase == batch_phase::completed);
    CHECK(w.seen->probed.empty());
  }
  SECTION("its header is read when it needs more than small files do") {
    w.need(0, 50 * limits::MiB);
    CHECK(w.seen->probed == files{0});
    CHECK(w.replayed().histories.at(0).attempts == 0); // that was none
    w.finish(1);
    REQUIRE(w.seen->converting.contains(0));
    CHECK(w.seen->converting.at(0).job.header_read);
    CHECK(w.seen->converting.at(0).job.memory_bytes == 50 * limits::MiB);
    w.finish_all();
    CHECK(w.look().summary.phase == batch_phase::completed);
  }
  SECTION("what needs more than there is gets all that there is, and fails there") {
    w.need(0, limits::GiB);
    w.finish(1);
    w.finish(2);
    REQUIRE(w.seen->converting.contains(0));
    CHECK(w.seen->converting.at(0).job.memory_bytes == 100 * limits::MiB);
    w.fail(0, failure_reason::limit_memory);
    CHECK(w.replayed().failures.of(0) == failure_reason::limit_memory);
  }
  SECTION("one that ran when the process died is looked at before") {
    w.crash();
    CHECK(w.running() == files{0, 2}); // 2 is no suspect; of the two suspects one is next
    CHECK_FALSE(w.seen->converting.at(2).job.header_read);
    CHECK(w.seen->converting.at(0).job.header_read);
  }
}

TEST_CASE("a priority that changes reaches the files that queue already") {
  world w(1);
  const domain::batch_id other{{9}};
  w.start(3);
  domain::create_batch create;
  create.owner = "ann";
  create.spec.outputs.push_back({.format = "webp"});
  REQUIRE(done(w.tell(create, other)));
  domain::add_files add;
  add.entries.push_back({"f0", "/f0", w.seen->file_bytes, 1, {"p0"}});
  REQUIRE(done(w.tell(std::move(add), other)));
  REQUIRE(done(w.tell(domain::start_batch{}, other)));
  CHECK(w.seen->converting.at(0).job.batch == world::id);
  REQUIRE(done(w.tell(domain::change_priority{9}, other)));
  w.finish(0);
  REQUIRE(w.seen->converting.contains(0)); // of the other batch: before two that are older
  CHECK(w.seen->converting.at(0).job.batch == other);
  w.finish_all();
}

TEST_CASE("a file that can never fit is refused by its header") {
  world w(2, 100 * limits::MiB);
  w.seen->image_side = 7'000;
  w.start(1);
  CHECK(w.replayed().failures.of(0) == failure_reason::limit_memory);
}

TEST_CASE("after a crash everything goes on; what ran is a suspect and runs last") {
  world w;
  w.start(6);
  w.finish(1);
  CHECK(w.running() == files{0, 2});
  w.crash();
  CHECK(w.running() == files{3, 4});
  CHECK(w.seen->swept == std::set<std::string>{"o0", "o2"});
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
  CHECK(w.seen->placed.size() == 6);
}

TEST_CASE("recovering again and again, killed each time, gives the same") {
  world w(1);
  w.start(3);
  CHECK(w.running() == files{0});
  w.crash();
  CHECK(w.running() == files{1}); // 0 is a suspect
  w.crash();
  CHECK(w.running() == files{2});
  CHECK(w.replayed().histories.at(0).crashes == 1);
  CHECK(w.replayed().histories.at(1).crashes == 1);
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("a file that was running at two crashes runs alone, at the third it fails") {
  world w(1);
  w.start(1);
  w.crash();
  CHECK(w.running() == files{0});
  w.crash();
  CHECK(w.running() == files{0});
  w.crash();
  CHECK(w.running().empty());
  CHECK(w.replayed().failures.of(0) == failure_reason::crashed);
}

TEST_CASE("an attempt counts from its start until its end is durable") {
  world w(2);
  w.start(6);
  CHECK(w.attempts().all == 2);
  SECTION("whatever comes of it") {
    w.finish(0);
    w.fail(1, failure_reason::corrupt_input);
    CHECK(w.attempts().all == 2); // the next two
    w.tell(domain::pause_batch{domain::pause_mode::interrupt});
    CHECK(w.attempts().all == 0);
    w.tell(domain::resume_batch{});
    w.finish_all();
  }
  SECTION("not when its lease ends") {
    w.break_disk(true);
    w.finish(0);
    w.break_disk(false);
    w.advance(limits::journal_reopen_ms + 1);
    w.finish_all();
  }
  CHECK(w.attempts().all == 0);
}

TEST_CASE("an attempt that runs alone is counted as that") {
  world w(2);
  w.start(2);
  w.crash();
  CHECK(w.attempts().alone == 0);
  w.crash();
  CHECK(w.running().size() == 1);
  CHECK(w.attempts().alone == 1);
  w.finish_all();
  CHECK(w.attempts().all == 0);
  CHECK(w.attempts().alone == 0);
}

TEST_CASE("a window of converters, not one for each file") {
  world w;
  w.start(5'000);
  constexpr auto window = limits::window_files + 2 * limits::window_files_per_slot;
  CHECK(w.seen->probed.size() == window);
  for (int i = 0; i < 300; ++i)
    w.finish(w.running().front());
  CHECK(w.seen->probed.size() <= window + 300);
  CHECK(w.seen->probed.size() >= 300 + window / 2);
}

TEST_CASE("a batch whose files fit no machine does not starve its user's other batches") {
  world w;
  const domain::batch_id other{{9}};
  w.resize(64 * limits::MiB);
  w.seen->image_side = 6'000; // more than that
  constexpr auto window = limits::window_files + 2 * limits::window_files_per_slot;
  w.start(2 * window);
  CHECK(w.running().empty());
  CHECK(w.look().in_flight == window);
  w.seen->image_side = 8;
  domain::create_batch create;
  create.owner = "ann";
  create.spec.outputs.push_back({.format = "webp"});
  REQUIRE(done(w.tell(create, other)));
  domain::add_files add;
  for (int i = 0; i < 10; ++i) {
    const auto name = std::to_string(i);
    add.entries.push_back({"f" + name, "/f" + name, w.seen->file_bytes, 1, {"p" + name}});
  }
  REQUIRE(done(w.tell(std::move(add), other)));
  REQUIRE(done(w.tell(domain::start_batch{}, other)));
  CHECK(w.running().empty());
  for (std::uint32_t ms = 0; ms <= limits::stuck_after_ms; ms += limits::stuck_look_ms)
    w.advance(limits::stuck_look_ms);
  CHECK(w.running() == files{0, 1});
  CHECK(w.look().in_flight == window - 10); // what the other does not need
  w.seen->image_side = 6'000;
  w.finish_all();
  CHECK(w.look(other).summary.phase == domain::batch_phase::completed);
  CHECK(w.look().in_flight == window);
  w.resize(limits::GiB);
  CHECK(w.running().size() == 2);
  w.finish_all();
  CHECK(w.look().summary.phase == domain::batch_phase::completed);
}

TEST_CASE("one window for all batches: users share it, and within a user the first comes first") {
  world w;
  constexpr auto window = limits::window_files + 2 * limits::window_files_per_slot;
  w.start(1'000); // of ann
  const auto start = [&](std::uint8_t number, const std::string& owner, std::uint32_t count,
                         std::uint8_t priority = 0) {
    const domain::batch_id batch{{number}};
    domain::create_batch create;
    create.owner = owner;
    create.priority = priority;
    create.spec.outputs.push_back({.format = "webp"});
    REQUIRE(done(w.tell(create, batch)));
    domain::add_files add;
    for (std::uint32_t i = 0; i < count; ++i)
      add.entries.push_back({"f" + std::to_string(i),
                             "/f",
                             w.seen->file_bytes,
                             1,
                             {std::to_string(number) + "o" + std::to_string(i)}});
    REQUIRE(done(w.tell(std::move(add), batch)));
    REQUIRE(done(w.tell(domain::start_batch{}, batch)));
  };
  CHECK(w.seen->probed.size() == window);
  SECTION("another batch of the same user waits without converters") {
    start(9, "ann", 500);
    CHECK(w.seen->probed.size() == window);
    while (w.look().summary.phase == batch_phase::running)
      w.finish_all();
    w.finish_all();
    CHECK(w.look(domain::batch_id{{9}}).summary.phase == batch_phase::completed);
  }
  SECTION("one with a higher priority has the window as it becomes free") {
    start(9, "ann", 500, 5);
    CHECK(w.seen->probed.size() == 2 * window); // those in flight are not taken back
    while (w.look(domain::batch_id{{9}}).summary.phase == batch_phase::running)
      w.finish(w.running().front());
    CHECK(w.look().summary.phase == batch_phase::running);
  }
  SECTION("another user has half of it at once") {
    start(9, "bob", 500);
    CHECK(w.seen->probed.size() == window + window / 2);
    for (int i = 0; i < 300; ++i)
      w.finish(w.running().front());
    // Ann's first part is through, and hers is as large as Bob's now.
    CHECK(w.seen->probed.size() <= window + 300 + window / 4);
  }
  SECTION("after a crash it is the same") {
    start(9, "ann", 500);
    w.seen->probed.clear();
    w.crash();
    CHECK(w.seen->probed.size() >= window - 4);
    CHECK(w.seen->probed.size() <= 2 * window);
  }
}

TEST_CASE("no more files of a batch run than its slots_max") {
  world w(4);
  domain::create_batch create;
  create.spec.outputs.push_back({.format = "webp"});
  create.owner = "ann";
  create.slots_max = 2;
  REQUIRE(done(w.tell(create)));
  domain::add_files add;
  for (int i = 0; i < 6; ++i)
    add.entries.push_back({"f" + std::to_string(i), "/f", 9, 1, {"o" + std::to_string(i)}});
  REQUIRE(done(w.tell(add)));
  REQUIRE(done(w.tell(domain::start_batch{})));
  w.run();
  CHECK(w.running() == files{0, 1});
  for (std::uint32_t next = 2; next < 6; ++next) {
    w.finish(next - 1);
    CHECK(w.running().size() == 2);
  }
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("a day that is used up holds a batch until the next, and what runs goes on") {
  world w;
  // A picture is 64 pixels in these tests; the clock begins on the first day.
  w.usage->limit([](const std::string&) { return actors::owner_limits{.pixels_per_day = 64}; });
  w.start(7);
  CHECK(w.running() == files{0, 1});
  CHECK_FALSE(w.look().waiting_for);
  w.finish(0);
  CHECK(w.running() == files{1, 2}); // its slot was given on before it was counted
  w.finish(1);
  CHECK(w.running() == files{2});    // nothing new begins
  CHECK_FALSE(w.look().waiting_for); // one still runs
  w.finish(2);
  CHECK(w.running().empty());
  CHECK(w.look().waiting_for == actors::wait_reason::quota);
  CHECK(w.look().summary.phase == batch_phase::running);
  w.advance(limits::quota_look_ms);
  CHECK(w.running().empty());
  w.advance(static_cast<std::uint32_t>(persistence::day_us / 1'000));
  CHECK(w.running() == files{3, 4});
  w.finish_all();
  CHECK(w.look().waiting_for == actors::wait_reason::quota);
  CHECK(w.look().summary.count(domain::file_status::completed) == 6);
  w.usage->limit(nullptr); // a higher quota is seen as well
  w.advance(limits::quota_look_ms);
  CHECK(w.running() == files{6});
  w.finish(6);
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("what an attempt took counts also when it failed") {
  world w;
  w.start(2);
  w.advance(3'000);
  w.fail(0, failure_reason::limit_time);
  w.fail(1, failure_reason::corrupt_input);
  CHECK(w.usage->today("ann", 5'000'000).cpu_ms == 6'000);
  CHECK(w.usage->today("ann", 5'000'000).pixels == 0);
  CHECK(w.usage->today("ann", persistence::day_us).cpu_ms == 0); // of another day
}

TEST_CASE("an orderly end gives back what runs, and nothing is a suspect afterwards") {
  world w;
  w.start(3);
  REQUIRE(w.shut_down());
  CHECK(w.replayed().count(domain::file_status::queued) == 3);
  CHECK(w.names().ends_with("file_interrupted:0 file_interrupted:1"));
  w.crash();
  CHECK(w.running() == files{0, 1});
  CHECK(w.replayed().histories.at(0).crashes == 0);
}

TEST_CASE("a journal that cannot be written stops everything; with room, replay decides") {
  world w;
  w.start(4);
  w.break_disk(true);
  const auto answer = w.tell(domain::pause_batch{});
  CHECK(in_doubt(answer));
  CHECK(w.running().empty()); // hosts were interrupted
  CHECK_FALSE(w.announced.empty());
  CHECK(in_doubt(w.tell(domain::pause_batch{})));
  w.advance(limits::journal_reopen_ms + 1);
  CHECK(in_doubt(w.tell(domain::pause_batch{})));
  w.break_disk(false);
  w.advance(limits::journal_reopen_ms + 1);
  CHECK(w.announced.back() == "the journal is open again");
  CHECK(w.look().summary.phase == batch_phase::running);
  CHECK(w.running().size() == 2);
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("whenever it is asked again while the journal fails, a creation stays in doubt") {
  for (std::size_t messages = 0; messages < 40; ++messages) {
    INFO(messages << " messages after the first request");
    world w;
    w.break_disk(true);
    domain::create_batch create;
    create.owner = "ann";
    create.spec.outputs.push_back({.format = "webp"});
    const auto answer = w.tell_again(create, messages);
    CHECK(in_doubt(answer));
    w.break_disk(false);
    w.advance(limits::journal_reopen_ms);
    CHECK_FALSE(w.look().found);
    CHECK_FALSE(w.usage->find(world::id));
  }
}

TEST_CASE("the death of the journal is the end, said aloud") {
  world w;
  w.start(2);
  CHECK_FALSE(w.gave_up);
  w.kill_journal();
  CHECK(w.gave_up);
  CHECK(w.announced.back().find("start again") != std::string::npos);
}

TEST_CASE("a file whose converter dies runs again, and its host is ended once") {
  world w(1);
  w.start(2);
  REQUIRE(w.running() == files{0});
  const auto held = w.seen->converting.at(0);
  caf::anon_send_exit(held.asker, caf::exit_reason::unhandled_exception);
  w.run();
  CHECK(w.seen->interrupted == std::vector{held.job.lease});
  while (!w.running().empty())
    w.finish_all();
  CHECK(w.look().summary.count(domain::file_status::completed) == 2);
  CHECK(w.names().find("file_interrupted") != std::string::npos);
}

TEST_CASE("a journal that fails again and again condemns no file") {
  world w(1);
  w.start(1);
  for (int i = 0; i < 4; ++i) {
    REQUIRE(w.running() == files{0});
    w.break_disk(true);
    CHECK(in_doubt(w.tell(domain::pause_batch{})));
    w.break_disk(false);
    w.advance(limits::journal_reopen_ms + 1);
  }
  w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("pause and resume in one breath: what starts meanwhile is let be") {
  world w;
  w.start(3);
  w.tell_both(domain::pause_batch{domain::pause_mode::interrupt}, domain::resume_batch{});
  for (int i = 0; i < 5; ++i)
    w.finish_all();
  CHECK(w.look().summary.phase == batch_phase::completed);
}

TEST_CASE("random lives end with every file in one terminal state, reached once") {
  for (std::uint32_t seed = 1; seed <= 15; ++seed) {
    INFO("seed " << seed);
    std::mt19937 dice(seed);
    world w(1 + seed % 3);
    w.start(30);
    for (int step = 0; step < 120; ++step) {
      const auto running = w.running();
      switch (dice() % 8) {
      case 0:
        w.tell(domain::pause_batch{dice() % 2 == 0 ? domain::pause_mode::drain
                                                   : domain::pause_mode::interrupt});
        break;
      case 1:
        w.tell(domain::resume_batch{});
        break;
      case 2:
        if (dice() % 4 == 0) w.crash();
        break;
      case 3:
        if (!running.empty()) w.fail(running[dice() % running.size()], failure_reason::crashed);
        break;
      case 4:
        w.advance(700);
        break;
      default:
        if (!running.empty()) w.finish(running[dice() % running.size()]);
      }
    }
    w.tell(domain::resume_batch{});
    for (int i = 0; i < 20; ++i) {
      w.finish_all();
      w.advance(6'000);
    }
    const auto end = w.replayed();
    CHECK(domain::is_terminal(end.phase));
    CHECK(end.open() == 0);
    std::map<domain::file_index, int> ended;
    for (const auto& e : w.events())
      if (const auto* done = std::get_if<domain::file_completed>(&e.fact)) ended[done->index] += 1;
    for (const auto& [file, times] : ended)
      CHECK(times == 1);
    CHECK(w.seen->placed.size() == ended.size());
    CHECK(w.seen->staged.empty());
  }
}
