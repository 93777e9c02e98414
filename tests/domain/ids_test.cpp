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
