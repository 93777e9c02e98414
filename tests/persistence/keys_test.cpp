#include "persistence/keys.hpp"

#include <catch2/catch_test_macros.hpp>

#include <random>

using namespace darkroom;
using namespace darkroom::persistence;

namespace {

domain::batch_id random_batch(std::mt19937_64& dice) {
  domain::batch_id id;
  for (auto& byte : id.bytes)
    byte = static_cast<std::uint8_t>(dice() % 3 * 127); // many are equal
  return id;
}

} // namespace

TEST_CASE("the order of event keys is the order of batch and seq") {
  std::mt19937_64 dice(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto a = random_batch(dice), b = random_batch(dice);
    const std::uint64_t x = dice() >> (dice() % 64), y = dice() >> (dice() % 64);
    const auto expected = std::pair{a, x} <=> std::pair{b, y};
    const auto found = keys::event(a, x).compare(keys::event(b, y));
    REQUIRE((found < 0) == (expected < 0));
    REQUIRE((found == 0) == (expected == 0));
    REQUIRE(keys::seq_of(keys::event(a, x)) == x);
    REQUIRE(keys::batch_of(keys::event(a, x)) == a);
  }
}

TEST_CASE("the order of file keys is the order of batch and index") {
  std::mt19937_64 dice(8);
  for (int i = 0; i < 20'000; ++i) {
    const auto a = random_batch(dice), b = random_batch(dice);
    const auto x = static_cast<std::uint32_t>(dice()) >> (dice() % 32);
    const auto y = static_cast<std::uint32_t>(dice()) >> (dice() % 32);
    REQUIRE((keys::file(a, x) < keys::file(b, y)) == (std::pair{a, x} < std::pair{b, y}));
    REQUIRE(keys::index_of(keys::file(a, x)) == x);
    REQUIRE(keys::index_of(keys::outcome(a, x)) == x);
  }
}

TEST_CASE("an owner's batches lie together, the oldest first") {
  const domain::batch_id id{{1}};
  CHECK(keys::owner("ann", 5, id) < keys::owner("ann", 6, id));
  CHECK(keys::owner("ann", 1'000'000, id) < keys::owner("ann2", 0, id));
}

TEST_CASE("keys of a kind are ordered by age") {
  const auto young = keys::age(300, keys::request("ann", "k")),
             old = keys::age(20, keys::request("bob", "k"));
  CHECK(old < young);
  CHECK(young.starts_with(keys::age_prefix(keys::kind::request)));
  const auto found = keys::aged_key_of(young);
  REQUIRE(found);
  CHECK(found->time_us == 300);
  CHECK(found->key == keys::request("ann", "k"));
  CHECK_FALSE(keys::aged_key_of("yi1234567"));
}

TEST_CASE("keys of another shape are not taken for events or files") {
  CHECK_FALSE(keys::seq_of("e123"));
  CHECK_FALSE(keys::index_of("f123"));
  CHECK_FALSE(keys::batch_of("b123"));
  CHECK_FALSE(keys::seq_of(keys::file({}, 1)));
}
