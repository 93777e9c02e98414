#include "persistence/event_codec.hpp"

#include "samples.hpp"

#include "persistence/spec_codec.hpp"

#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace darkroom;
using namespace darkroom::persistence;

TEST_CASE("every event comes back as it was") {
  std::set<std::size_t> kinds;
  for (const auto& fact : tests::every_event()) {
    kinds.insert(fact.index());
    const auto back = decode_event(encode_event(fact, 41, 123'456));
    INFO(domain::name_of(fact));
    REQUIRE(back);
    CHECK(back->fact == fact);
    CHECK(back->prev == 41);
    CHECK(back->time_us == 123'456);
  }
  CHECK(kinds.size() == std::variant_size_v<domain::event>);
}

TEST_CASE("a spec comes back as it was, and one that cannot be is refused") {
  const auto spec = tests::sample_spec();
  CHECK(decode_spec(encode_spec(spec)) == spec);
  CHECK_FALSE(decode_spec("?"));
}

TEST_CASE("bytes cut anywhere, or changed anywhere, never do harm") {
  for (const auto& fact : tests::every_event()) {
    const auto bytes = encode_event(fact, 1, 2);
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      (void)decode_event(std::string_view(bytes).substr(0, n));
      auto changed = bytes;
      changed[n] = static_cast<char>(changed[n] ^ 0xff);
      if (const auto e = decode_event(changed)) {
        domain::batch_state state;
        (void)domain::apply(state, e->fact);
      }
    }
  }
  CHECK_FALSE(decode_event(""));
  CHECK_FALSE(decode_snapshot("\xff\xff"));
  CHECK_FALSE(decode_summary("nonsense"));
}

TEST_CASE("replay of the encoded events, and of snapshots, equals the live state") {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    tests::random_life life(seed);
    domain::batch_state live, replayed;
    for (int step = 0; step < 200; ++step) {
      const auto events = domain::execute(live, life.step(live));
      if (!events) continue;
      for (const auto& fact : *events) {
        const auto back = decode_event(encode_event(fact, 0, 0));
        REQUIRE(back);
        REQUIRE(domain::apply(replayed, back->fact));
      }
      if (step % 50 == 49) {
        const auto snapshot = decode_snapshot(encode_snapshot(replayed, 5, 4));
        REQUIRE(snapshot);
        CHECK(snapshot->seq == 5);
        CHECK(snapshot->command_seq == 4);
        replayed = snapshot->state;
      }
      REQUIRE(replayed.same_facts(live));
      // Counters add up, whatever happened.
      std::uint32_t sum = 0;
      for (const auto count : live.counts)
        sum += count;
      REQUIRE(sum == live.files.size());
    }
  }
}
