#include "actors/run_window.hpp"

#include "actors/limits.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <random>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

domain::batch_id batch(std::uint8_t number) {
  return {{number}};
}

std::string text(std::vector<share_change> changes) {
  std::ranges::sort(changes, {}, &share_change::batch);
  std::string all;
  for (const auto& [id, files, take_back] : changes)
    all += std::to_string(id.bytes[0]) + ":" + std::to_string(files) + " ";
  return all;
}

} // namespace

TEST_CASE("one batch has the whole window, or what it needs of it") {
  run_window w;
  w.resize(264);
  w.set({batch(1), "ann", 0, 1'000'000});
  CHECK(text(w.take_changes()) == "1:264 ");
  CHECK(w.take_changes().empty()); // told once
  w.set({batch(1), "ann", 0, 300});
  CHECK(w.take_changes().empty());
  w.set({batch(1), "ann", 0, 10});
  CHECK(text(w.take_changes()) == "1:10 ");
  w.set({batch(1), "ann", 0, 0});
  CHECK(w.take_changes().empty()); // it needs not be told
  CHECK(w.share_of(batch(1)) == 0);
  CHECK_FALSE(w.waits(batch(1)));
}

TEST_CASE("users share the window equally, and leave what they do not need") {
  run_window w;
  w.resize(90);
  w.set({batch(1), "ann", 0, 1'000});
  w.set({batch(2), "bob", 0, 1'000});
  w.set({batch(3), "eve", 0, 10});
  CHECK(text(w.take_changes()) == "1:40 2:40 3:10 ");
  w.set({batch(4), "ann", 0, 1'000});
  CHECK(w.take_changes().empty()); // her first one goes first
  CHECK(w.waits(batch(4)));
  // 1,000 of hers, and the others take turns.
  CHECK(w.waiting() == std::vector{std::pair{batch(4), std::uint64_t{3'000}}});
  w.set({batch(3), "eve", 0, 0});
  CHECK(text(w.take_changes()) == "1:45 2:45 ");
}

TEST_CASE("within a user priority comes first, then the older batch") {
  run_window w;
  w.resize(20);
  w.set({batch(2), "ann", 0, 15});
  w.set({batch(1), "ann", 0, 15});
  CHECK(text(w.take_changes()) == "1:15 2:5 ");
  w.set({batch(2), "ann", 5, 15});
  CHECK(text(w.take_changes()) == "1:5 2:15 ");
  w.set({batch(3), "ann", 9, 100});
  CHECK(text(w.take_changes()) == "1:0 2:0 3:20 ");
}

TEST_CASE(
    "a batch that fits no machine leaves the window to its user's others, but for a few files") {
  constexpr auto few = limits::window_files_stuck;
  run_window w;
  w.resize(100);
  w.set({batch(1), "ann", 0, 1'000});
  w.set({batch(2), "ann", 0, 50});
  w.set({batch(3), "ann", 0, 1'000});
  w.take_changes();
  CHECK(w.share_of(batch(1)) == 100);
  w.set_stuck(batch(1), true);
  const auto changes = w.take_changes();
  CHECK(w.share_of(batch(1)) == few);
  CHECK(w.share_of(batch(2)) == 50);
  CHECK(w.share_of(batch(3)) == 50 - few);
  for (const auto& change : changes)
    CHECK(change.take_back == (change.batch == batch(1)));
  SECTION("what they do not need is its own") {
    w.set({batch(3), "ann", 0, 0});
    w.take_changes();
    CHECK(w.share_of(batch(1)) == 50);
  }
  SECTION("with all of them stuck, all is as if none was") {
    w.set_stuck(batch(2), true);
    w.set_stuck(batch(3), true);
    w.take_changes();
    CHECK(w.share_of(batch(1)) == 100 - 2 * few);
    CHECK(w.share_of(batch(3)) == few);
  }
  SECTION("one with many stuck batches keeps half of the part for the others") {
    for (std::uint8_t i = 10; i < 60; ++i) {
      w.set({batch(i), "ann", 0, 1'000});
      w.set_stuck(batch(i), true);
    }
    w.set_stuck(batch(2), true);
    w.take_changes();
    CHECK(w.share_of(batch(3)) == 50);
  }
  SECTION("it is first again when it fits") {
    w.set({batch(1), "ann", 0, 900}); // which changes nothing of that
    w.take_changes();
    CHECK(w.share_of(batch(1)) == few);
    w.set_stuck(batch(1), false);
    CHECK(text(w.take_changes()) == "1:100 2:0 3:0 ");
  }
}

TEST_CASE("with more users than places each has one") {
  run_window w;
  w.resize(3);
  for (std::uint8_t i = 0; i < 10; ++i)
    w.set({batch(i), std::string(1, static_cast<char>('a' + i)), 0, 5});
  const auto changes = w.take_changes();
  REQUIRE(changes.size() == 10);
  CHECK(std::ranges::all_of(changes, [](const share_change& s) { return s.files == 1; }));
}

TEST_CASE("the window grows and shrinks with the machines") {
  run_window w;
  w.set({batch(1), "ann", 0, 100});
  CHECK(text(w.take_changes()) == "1:1 ");
  w.resize(40);
  CHECK(text(w.take_changes()) == "1:40 ");
  w.resize(20);
  CHECK(text(w.take_changes()) == "1:20 ");
  w.resize(20);
  CHECK(w.take_changes().empty());
}

TEST_CASE("whatever comes, the window is used up and not exceeded, and changes add up") {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t bound) {
      return static_cast<std::uint32_t>(random() % bound);
    };
    run_window w;
    std::map<domain::batch_id, batch_need> needs;
    std::map<domain::batch_id, std::uint32_t> told;
    std::uint32_t size = 0;
    for (int step = 0; step < 100; ++step) {
      if (below(10) == 0) w.resize(size = below(60));
      const auto id = batch(static_cast<std::uint8_t>(below(20)));
      const batch_need need{id, std::string(1, static_cast<char>('a' + id.bytes[0] % 6)),
                            static_cast<std::uint8_t>(below(3)), below(3) == 0 ? 0 : below(40)};
      needs[id] = need;
      w.set(need);
      if (need.files == 0) told.erase(id);
      w.set_stuck(batch(static_cast<std::uint8_t>(below(20))), below(2) == 0);
      for (const auto& [changed, files, take_back] : w.take_changes())
        told[changed] = files;
      std::uint64_t shared = 0, needed = 0;
      std::map<std::string, std::uint64_t> by_user;
      for (const auto& [other, n] : needs) {
        const auto share = w.share_of(other);
        REQUIRE(share <= n.files);
        REQUIRE((n.files == 0 || told[other] == share));
        shared += share;
        needed += n.files;
        if (n.files != 0) by_user[n.user] += share;
      }
      const bool enough = by_user.size() <= size;
      REQUIRE(shared == (enough ? std::min<std::uint64_t>(needed, size) : by_user.size()));
      for (const auto& [user, share] : by_user)
        REQUIRE(share >= 1);
    }
  }
}
