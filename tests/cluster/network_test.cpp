// Networks that split, lose and crawl: everything completes, nothing twice.
#include "site.hpp"
#include "slow_proxy.hpp"

#include <random>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

using std::chrono::milliseconds;

// The fault itself takes time; it ends early when there is nothing left to disturb.
void hold(site& s, const std::string& batch, std::size_t files, milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  comes_true([&] { return std::chrono::steady_clock::now() >= end || s.done_of(batch) == files; },
             std::chrono::seconds(120));
}

void start_two(site& s) {
  for (int i = 1; i <= 2; ++i) {
    s.wires().add_machine(i);
    s.start_worker("w" + std::to_string(i), i, {"--slots", "1"});
  }
  REQUIRE(s.comes_to("w1", "active"));
  REQUIRE(s.comes_to("w2", "active"));
}

void until_busy(site& s) {
  REQUIRE(comes_true([&] {
    return app::number_of(s.node("w1"), "leases") > 0 && app::number_of(s.node("w2"), "leases") > 0;
  }));
}

enum class fault { both_ways, to_server, from_server, loses };

void apply(site& s, int machine, fault what) {
  switch (what) {
  case fault::both_ways:
    return s.wires().cut(machine);
  case fault::to_server:
    return s.wires().cut(machine, true, false);
  case fault::from_server:
    return s.wires().cut(machine, false, true);
  case fault::loses:
    return s.wires().lose(machine, 30);
  }
}

// Both wires fail for so long, then heal.
void split(site& s, milliseconds time) {
  for (const auto what : {fault::both_ways, fault::to_server, fault::from_server, fault::loses}) {
    CAPTURE(static_cast<int>(what), time.count());
    constexpr std::size_t files = 40;
    const auto batch = s.submit(pictures(files));
    until_busy(s);
    for (int i = 1; i <= 2; ++i)
      apply(s, i, what);
    hold(s, batch, files, time);
    for (int i = 1; i <= 2; ++i)
      s.wires().mend(i);
    CHECK(s.completes(batch, 180));
    CHECK(s.outputs(batch).size() == files);
    CHECK(s.comes_to("w1", "active"));
    CHECK(s.comes_to("w2", "active"));
  }
}

// Wires of four workers are cut one by one and mended in any order.
void one_by_one(int rounds) {
  site s;
  for (int i = 1; i <= 4; ++i) {
    s.wires().add_machine(i);
    s.start_worker("w" + std::to_string(i), i, {"--slots", "1"});
  }
  for (int i = 1; i <= 4; ++i)
    REQUIRE(s.comes_to("w" + std::to_string(i), "active"));
  std::mt19937 dice(static_cast<std::uint32_t>(rounds));
  for (int round = 0; round < rounds; ++round) {
    constexpr std::size_t files = 24;
    const auto batch = s.submit(pictures(files));
    std::vector<int> order{1, 2, 3, 4};
    std::ranges::shuffle(order, dice);
    for (const int machine : order) {
      s.wires().cut(machine);
      hold(s, batch, files, milliseconds(dice() % 400));
    }
    hold(s, batch, files, milliseconds(dice() % 2 == 0 ? 200 : 6'000));
    std::ranges::shuffle(order, dice);
    s.wires().mend(order[0]);
    for (std::size_t i = 1; i < order.size(); ++i)
      s.wires().cut(order[i]);
    hold(s, batch, files, milliseconds(dice() % 400));
    for (const int machine : order)
      s.wires().mend(machine);
    CAPTURE(round);
    REQUIRE(s.completes(batch, 180));
    CHECK(s.outputs(batch).size() == files);
  }
}

} // namespace

TEST_CASE("a network that splits for a while costs time, and nothing else") {
  site s;
  start_two(s);
  split(s, milliseconds(1'000));
}

TEST_CASE("full: networks that split for long", "[.full]") {
  site s;
  start_two(s);
  for (const int time : {4'000, 10'000, 60'000})
    split(s, milliseconds(time));
}

TEST_CASE("full: a network that comes and goes every two seconds", "[.full]") {
  site s;
  start_two(s);
  constexpr std::size_t files = 80;
  const auto batch = s.submit(pictures(files));
  for (int i = 0; i < 15; ++i) {
    s.wires().cut(1);
    s.wires().cut(2);
    hold(s, batch, files, milliseconds(2'000));
    s.wires().mend(1);
    s.wires().mend(2);
    hold(s, batch, files, milliseconds(2'000));
  }
  CHECK(s.completes(batch, 180));
  CHECK(s.outputs(batch).size() == files);
}

TEST_CASE("a wire of one megabit a second is slow, and the machine is not taken for lost") {
  site s;
  start_two(s);
  s.wires().limit(1, "1mbit");
  s.wires().limit(2, "1mbit");
  const auto batch = s.submit(pictures(8, 200)); // 120 KB each
  CHECK(s.completes(batch, 180));
  CHECK(s.outputs(batch).size() == 8);
  CHECK(app::number_of(s.node("w1"), "times_lost") == 0);
  CHECK(app::number_of(s.node("w2"), "times_lost") == 0);
}

TEST_CASE("wires of four workers fail one by one, and come back in any order") {
  one_by_one(2);
}

TEST_CASE("full: the same, fifty times", "[.full]") {
  one_by_one(50);
}

TEST_CASE("a wire that is late by 100 to 300 ms, each way, is no reason to lose a machine") {
  site s;
  const slow_proxy late({7412, 7411, milliseconds(200), milliseconds(100)});
  s.start_worker("w1", 0, {"--slots", "2"}, 7412);
  s.start_worker("w2", 0, {"--slots", "2"}, 7412);
  REQUIRE(s.comes_to("w1", "active"));
  REQUIRE(s.comes_to("w2", "active"));
  const auto batch = s.submit(pictures(20));
  CHECK(s.completes(batch, 180));
  CHECK(s.outputs(batch).size() == 20);
  for (const auto* name : {"w1", "w2"}) {
    CHECK(app::number_of(s.node(name), "times_lost") == 0);
    CHECK(app::number_of(s.node(name), "round_trip_us") > 200'000);
  }
}
