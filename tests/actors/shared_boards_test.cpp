// What actors write and other threads read at the same time. The thread sanitizer runs these; sums
// and pairs of values tell what it cannot see.
#include "actors/attempt_counts.hpp"
#include "actors/batch_holds.hpp"
#include "actors/calibration_board.hpp"
#include "actors/node_board.hpp"
#include "actors/slot_board.hpp"
#include "actors/usage_board.hpp"
#include "actors/view_slot.hpp"
#include "actors/vitals.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <cmath>
#include <functional>
#include <latch>
#include <thread>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

constexpr int rounds = 2'000;

// Each in a thread of its own, all from the same moment on. They assert nothing: Catch2's
// assertions are for one thread.
void together(std::vector<std::function<void()>> work) {
  std::latch all_there(static_cast<std::ptrdiff_t>(work.size()));
  std::vector<std::jthread> threads;
  threads.reserve(work.size());
  for (auto& part : work)
    threads.emplace_back([&all_there, part = std::move(part)] {
      all_there.arrive_and_wait();
      part();
    });
}

domain::batch_id batch(int number) {
  return {{static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}};
}

} // namespace

TEST_CASE("the work of a day adds up from several threads, also when a day begins") {
  usage_board board;
  const auto yesterday = 10 * persistence::day_us, today = 11 * persistence::day_us;
  board.restore({"ann", 10, 1'000'000, 1'000'000});
  std::atomic<int> backwards = 0;
  const auto write = [&] {
    for (int i = 0; i < rounds; ++i) {
      board.add_work("ann", today, 3, 2'000);
      board.add_work("ben", i % 2 == 0 ? yesterday : today, 1, 1'000);
    }
  };
  const auto read = [&] {
    std::uint64_t seen = 0;
    for (int i = 0; i < rounds; ++i) {
      const auto use = board.today("ann", today);
      backwards += use.cpu_ms < seen || use.pixels * 2 != use.cpu_ms * 3 ? 1 : 0;
      seen = use.cpu_ms;
    }
  };
  together({write, write, write, read, read});
  CHECK(backwards == 0);
  CHECK(board.today("ann", today) == persistence::day_use{"ann", 11, 9 * rounds, 6 * rounds});
  // Work of a day that has ended counts in the day that has begun; none counts twice.
  const auto ben = board.today("ben", today);
  CHECK(ben.cpu_ms >= 3 * rounds / 2);
  CHECK(ben.cpu_ms <= 3 * rounds);
}

TEST_CASE("files that take less than a millisecond add up, and each counts what it took") {
  usage_board board;
  for (int i = 0; i < 10'000; ++i)
    board.add_work("ann", 0, 1, 330);
  CHECK(board.today("ann", 0) == persistence::day_use{"ann", 0, 10'000, 3'300});
  board.add_work("ann", persistence::day_us, 1, 999);
  CHECK(board.today("ann", persistence::day_us) == persistence::day_use{"ann", 1, 1, 0});
  CHECK(board.add_work("ann", persistence::day_us, 1, 1).cpu_ms == 1);
}

TEST_CASE("the sums of all batches are those of one moment") {
  usage_board board;
  constexpr int batches_of_one = 20;
  constexpr std::uint32_t files = 7;
  std::atomic<int> torn = 0;
  const auto live = [&](int first) {
    for (int i = 0; i < rounds; ++i) {
      persistence::batch_summary b;
      b.id = batch(first + i % batches_of_one);
      b.owner = first == 0 ? "ann" : "ben";
      b.phase = i % 3 == 0 ? domain::batch_phase::paused : domain::batch_phase::running;
      const auto queued = static_cast<std::uint32_t>(i) % files;
      b.counts[static_cast<std::size_t>(domain::file_status::queued)] = queued;
      b.counts[static_cast<std::size_t>(domain::file_status::completed)] = files - queued;
      b.bytes_added = files;
      board.set(b);
    }
  };
  const auto read = [&] {
    for (int i = 0; i < rounds; ++i) {
      const auto totals = board.totals();
      std::uint64_t all_batches = 0, all_files = 0;
      for (const auto n : totals.batches)
        all_batches += n;
      for (const auto n : totals.files)
        all_files += n;
      torn += all_files != files * all_batches ? 1 : 0;
      for (const auto& [name, used] : board.all())
        torn += used.stored_bytes != files * used.batches || used.live_batches != used.batches;
      const auto one = board.find(batch(i % batches_of_one));
      torn += one && (one->owner != "ann" || one->files != files) ? 1 : 0;
      torn += board.of("ben").batches > batches_of_one ? 1 : 0;
    }
  };
  together({[&] { live(0); }, [&] { live(1'000); }, read, read});
  CHECK(torn == 0);
  CHECK(board.of("ann").batches == batches_of_one);
  CHECK(board.of("ben").stored_bytes == files * batches_of_one);
}

TEST_CASE("limits of users may change while they are asked for") {
  usage_board board;
  std::atomic<int> strange = 0;
  const auto change = [&] {
    for (std::uint64_t i = 0; i < rounds; ++i)
      board.limit([i](const std::string& user) { return owner_limits{i, user.size(), 1 + i % 2}; });
  };
  const auto ask = [&] {
    for (int i = 0; i < rounds; ++i) {
      const auto most = board.limits_of("ann");
      strange += most.pixels_per_day != 0 && most.pixels_per_day != 3 ? 1 : 0;
      board.add_work("ann", 0, 0, 1'000);
      strange += board.day_used_up("nobody", 0) ? 1 : 0;
    }
  };
  together({change, ask, ask});
  CHECK(strange == 0);
  CHECK(board.day_used_up("ann", 0));
}

TEST_CASE("what all threads have learnt of costs is known, and is written once") {
  calibration_board board;
  const std::string kinds[] = {"jpeg>webp:80/4/4", "png>webp:80/4/4", "webp>jpeg:80/4/4"};
  std::atomic<int> strange = 0;
  std::vector<persistence::cost_ratio> written;
  const auto observe = [&](std::size_t first) {
    for (std::size_t i = 0; i < rounds; ++i)
      board.observe({kinds[(first + i) % 3], 1'000, 500}, 2'000, 250, static_cast<std::int64_t>(i));
  };
  const auto read = [&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      const auto ratio = board.time_ratio(kinds[i % 3]).value;
      strange += std::isfinite(ratio) && ratio > 0.9 && ratio < 2.1 ? 0 : 1;
    }
  };
  const auto write = [&] {
    for (int i = 0; i < rounds / 10; ++i)
      for (auto& changed : board.take_changed(false))
        written.push_back(std::move(changed));
  };
  together({[&] { observe(0); }, [&] { observe(1); }, read, write});
  CHECK(strange == 0);
  for (auto& last : board.take_changed(true))
    written.push_back(std::move(last));
  CHECK(board.take_changed(true).empty());
  calibration_board after_restart;
  for (auto& ratio : written)
    after_restart.restore(std::move(ratio));
  for (const auto& kind : kinds) {
    CHECK(std::abs(board.time_ratio(kind).value - 2) < 0.05);
    CHECK(after_restart.time_ratio(kind).value == board.time_ratio(kind).value);
  }
}

TEST_CASE("a slot shows one file at a time, and no two machines have the same row") {
  constexpr std::size_t slots = 3;
  slot_board board(slots);
  std::atomic<int> torn = 0, taken_twice = 0;
  std::vector<std::atomic<int>> holders(64);
  const auto work = [&](std::size_t slot) {
    for (domain::file_index i = 0; i < rounds; ++i) {
      board.busy(slot, {std::to_string(i), batch(static_cast<int>(slot)), i, "local", {}, {}});
      board.at(slot, {domain::conversion_stage::encoding, static_cast<std::uint8_t>(i % 100)});
      if (i % 5 == 0) board.idle(slot);
    }
  };
  const auto come_and_go = [&] {
    for (int i = 0; i < rounds / 4; ++i) {
      const auto rows = board.take(4);
      for (const auto row : rows)
        taken_twice += row < slots || holders.at(row).fetch_add(1) != 0 ? 1 : 0;
      for (const auto row : rows)
        holders.at(row) -= 1;
      board.give_back(rows);
    }
  };
  const auto read = [&] {
    for (int i = 0; i < rounds; ++i) {
      const auto seen = board.read();
      for (std::size_t slot = 0; slot < slots; ++slot)
        torn += !seen[slot].path.empty() && seen[slot].path != std::to_string(seen[slot].file);
    }
  };
  together({[&] { work(0); }, [&] { work(2); }, come_and_go, come_and_go, read});
  CHECK(torn == 0);
  CHECK(taken_twice == 0);
  CHECK(board.read().size() <= slots + 8);
}

TEST_CASE("what happens to machines is told one by one, and counted once") {
  node_board board;
  std::map<std::string, int> told; // the board calls its listener for one thread at a time
  board.listen([&](const node_event& event) { told[event.what] += 1; });
  std::atomic<int> torn = 0, steered = 0;
  board.when_steered([&](const std::string&, node_steering) { steered += 1; });
  const auto live = [&](const std::string& name) {
    for (int i = 0; i < rounds; ++i) {
      board.join({.name = name, .present = true, .slots = 4, .memory_bytes = 400});
      board.leased(name, 2, 200);
      board.change(name, [](node_row& row) { row.files_completed += 1; });
      board.lose(name, i, "its link was cut");
    }
  };
  const auto steer = [&] {
    for (int i = 0; i < rounds; ++i) {
      board.steer("a", i % 2 == 0 ? node_steering::cordon : node_steering::uncordon);
      board.change("b", [](node_row& row) { row.files_completed += 1; });
    }
  };
  const auto read = [&] {
    for (int i = 0; i < rounds; ++i)
      for (const auto& row : board.read())
        torn += row.memory_granted_bytes != 100 * row.leases ? 1 : 0;
  };
  board.join({.name = "a", .present = true, .slots = 4, .memory_bytes = 400});
  together({[&] { live("a"); }, [&] { live("b"); }, steer, read});
  CHECK(torn == 0);
  CHECK(steered == rounds);
  CHECK(told["lost"] == 2 * rounds);
  CHECK(told["joined"] == 2 * rounds + 1);
  CHECK(told["cordoned"] + told["uncordoned"] == rounds);
  const auto rows = board.read();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].files_completed == rounds);
  CHECK(rows[1].files_completed == 2 * rounds);
  CHECK(rows[1].times_lost == rounds);
}

TEST_CASE("durations of all threads are in the histogram") {
  duration_histogram histogram;
  const auto add = [&] {
    for (std::uint64_t i = 0; i < rounds; ++i)
      histogram.add(i % 2 == 0 ? std::uint64_t{50} : std::uint64_t{70'000'000});
  };
  std::atomic<int> strange = 0;
  const auto read = [&] {
    for (int i = 0; i < rounds; ++i)
      strange += histogram.in_bucket(1) != 0 ? 1 : 0;
  };
  together({add, add, add, read});
  CHECK(strange == 0);
  CHECK(histogram.in_bucket(0) == 3 * rounds / 2);
  CHECK(histogram.in_bucket(duration_histogram::bounds_us.size()) == 3 * rounds / 2);
  CHECK(histogram.sum_us() == 3 * rounds / 2 * 70'000'050ull);
}

TEST_CASE("a batch is held until the last reader has gone") {
  const auto holds = std::make_shared<batch_holds>();
  std::atomic<int> lost = 0;
  const auto read_out = [&] {
    for (int i = 0; i < rounds; ++i) {
      const auto hold = holds->hold(batch(i % 3));
      const auto copy = hold; // as a stream has it that goes on elsewhere
      lost += holds->held(batch(i % 3)) ? 0 : 1;
    }
  };
  together({read_out, read_out, read_out});
  CHECK(lost == 0);
  for (int i = 0; i < 3; ++i)
    CHECK_FALSE(holds->held(batch(i)));
}

TEST_CASE("an attempt counts until its last copy is gone, in whichever thread") {
  const auto counts = std::make_shared<attempt_counts>();
  std::atomic<int> uncounted = 0;
  const auto attempt = [&](bool alone) {
    for (int i = 0; i < rounds; ++i) {
      auto one = count_attempt(counts, alone);
      auto copy = one;
      one.reset();
      uncounted += counts->all == 0 || (alone && counts->alone == 0) ? 1 : 0;
    }
  };
  together({[&] { attempt(false); }, [&] { attempt(true); }, [&] { attempt(true); }});
  CHECK(uncounted == 0);
  CHECK(counts->all == 0);
  CHECK(counts->alone == 0);
  CHECK(count_attempt(nullptr, true) == nullptr);
}

TEST_CASE("why the journal cannot be used is told in whole sentences") {
  view_slot slot;
  std::atomic<int> torn = 0;
  const std::string full(100, 'f'), broken(200, 'b');
  const auto write = [&](const std::string& fault) {
    for (int i = 0; i < rounds; ++i)
      slot.take_away(fault);
  };
  const auto read = [&] {
    for (int i = 0; i < rounds; ++i) {
      const auto fault = slot.fault();
      torn += slot.get() != nullptr || (!fault.empty() && fault != full && fault != broken) ? 1 : 0;
    }
  };
  together({[&] { write(full); }, [&] { write(broken); }, read});
  CHECK(torn == 0);
}
