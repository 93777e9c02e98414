#include "base/rising_clock.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom::base;

namespace {

// Both clocks of a machine, in the test's hands.
struct machine_time {
  std::int64_t wall = 1'000'000, steady = 50;
  rising_clock clock{{[this] { return wall; }, [this] { return steady; }}};
  void pass(std::int64_t us) {
    wall += us;
    steady += us;
  }
};

} // namespace

TEST_CASE("time follows the wall clock, also when that is set forward") {
  machine_time m;
  CHECK(m.clock.now_us() == 1'000'000);
  m.pass(10);
  CHECK(m.clock.now_us() == 1'000'010);
  m.wall += 3'600'000'000;
  CHECK(m.clock.now_us() == 3'601'000'010);
}

TEST_CASE("when the wall clock is set back, time goes on until that has caught up") {
  machine_time m;
  CHECK(m.clock.now_us() == 1'000'000);
  m.wall -= 600'000;
  CHECK(m.clock.now_us() == 1'000'000);
  m.pass(100);
  CHECK(m.clock.now_us() == 1'000'100);
  m.wall += 700'000;
  CHECK(m.clock.now_us() == m.wall);
}

TEST_CASE("time goes on from what an earlier process has stored") {
  machine_time m;
  m.clock.go_on_from(5'000'000);
  m.pass(7);
  CHECK(m.clock.now_us() == 5'000'007);
  m.clock.go_on_from(1); // the past
  CHECK(m.clock.now_us() == 5'000'007);
}
