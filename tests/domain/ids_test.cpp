#include "domain/ids.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom::domain;

TEST_CASE("a batch id is a UUIDv7 that sorts by time") {
  const std::array<std::uint8_t, 10> dice{0xff, 0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0xff, 0xff, 0xff};
  const auto early = make_batch_id(1'000, dice);
  const auto late = make_batch_id(1'001, std::array<std::uint8_t, 10>{});
  CHECK(early < late);
  CHECK(to_string(early) == "00000000-03e8-7fff-bfff-ffffffffffff");
  CHECK(parse_batch_id(to_string(early)) == early);
  CHECK(parse_batch_id("00000000-03E8-7FFF-BFFF-FFFFFFFFFFFF") == early);
}

TEST_CASE("text that is no UUID is refused") {
  for (const auto* text :
       {"", "00000000-03e8-7fff-bfff-fffffffffff", "x0000000-03e8-7fff-bfff-ffffffffffff",
        "00000000003e8-7fff-bfff-ffffffffffff", "00000000-03e8-7fff-bfff-ffffffffffff0"})
    CHECK_FALSE(parse_batch_id(text));
}

TEST_CASE("ids rise within a millisecond, and when the clock was set back") {
  const std::array<std::uint8_t, 10> dice{7, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  auto last =
      make_batch_id(2'000, std::array<std::uint8_t, 10>{0x0f, 0xff, 0, 0, 0, 0, 0, 0, 0, 1});
  for (const std::uint64_t now : {2'000ull, 1'999ull, 0ull, 2'000ull}) {
    const auto next = make_batch_id_after(last, now, dice);
    CHECK(next > last);
    CHECK(to_string(next).substr(0, 15) == "00000000-07d0-7");
    last = next;
  }
  CHECK(make_batch_id_after(last, 2'001, dice) == make_batch_id(2'001, dice));
}

TEST_CASE("an id that has counted all its random bits up takes the next millisecond") {
  std::array<std::uint8_t, 10> ones{};
  ones.fill(0xff);
  const auto next = make_batch_id_after(make_batch_id(2'000, ones), 2'000, ones);
  CHECK(to_string(next).substr(0, 20) == "00000000-07d1-7000-8");
}

TEST_CASE("new ids are greater than those of an earlier process, whatever the clock says") {
  auto newest = new_batch_id();
  newest.bytes[3] += 1; // about an hour later
  go_on_after(newest);
  const auto one = new_batch_id(), two = new_batch_id();
  CHECK(one > newest);
  CHECK(two > one);
  go_on_after(batch_id{{0xff}}); // no UUIDv7: it has no time
  CHECK(new_batch_id() < batch_id{{0xff}});
}
