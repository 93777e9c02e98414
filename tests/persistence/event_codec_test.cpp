#include "persistence/event_codec.hpp"

#include "samples.hpp"

#include "domain/limits.hpp"
#include "persistence/spec_codec.hpp"

#include <catch2/catch_test_macros.hpp>

#include <functional>
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

TEST_CASE("however many files are retried, they come back, and the event is short") {
  constexpr auto all = limits::files_per_batch_max;
  struct row {
    const char* what;
    std::function<bool(domain::file_index)> chosen;
  };
  const row rows[] = {{"all", [](domain::file_index) { return true; }},
                      {"every second", [](domain::file_index i) { return i % 2 == 1; }},
                      {"two of three", [](domain::file_index i) { return i % 3 != 0; }},
                      {"the second half", [](domain::file_index i) { return i >= all / 2; }},
                      {"one in a thousand", [](domain::file_index i) { return i % 1'000 == 999; }}};
  for (const auto& [what, chosen] : rows) {
    INFO(what);
    domain::batch_retried retried;
    for (domain::file_index i = 0; i < all; ++i)
      if (chosen(i)) retried.files.push_back(i);
    const auto bytes = encode_event(retried, 1, 2);
    CHECK(bytes.size() <= limits::event_bytes_max);
    const auto back = decode_event(bytes);
    REQUIRE(back);
    CHECK(back->fact == domain::event{retried});
  }
}

TEST_CASE("runs of files that no batch can have are refused") {
  using namespace std::string_view_literals;
  // Event.many_retried (26) with ManyRetried.runs (1).
  CHECK(decode_event("\xd2\x01\x04\x0a\x02\x00\x02"sv));                       // 0, 1
  CHECK_FALSE(decode_event("\xd2\x01\x03\x0a\x01\x01"sv));                     // without a length
  CHECK_FALSE(decode_event("\xd2\x01\x06\x0a\x04\x00\xc1\x84\x3d"sv));         // 1,000,001 files
  CHECK_FALSE(decode_event("\xd2\x01\x08\x0a\x06\xff\xff\xff\xff\x0f\x01"sv)); // far behind
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

// As version 1 wrote them: journals of released versions hold these bytes.
TEST_CASE("a snapshot lists failures in the order of files, whatever order they came in") {
  domain::batch_state state;
  state.files.assign(301, domain::file_status::failed);
  state.counts[static_cast<std::size_t>(domain::file_status::failed)] = 301;
  state.failures.set(300, domain::failure_reason::crashed);          // 16
  state.failures.set(4, domain::failure_reason::unsupported_format); // 0
  state.failures.set(9, domain::failure_reason::output_exists);      // 19
  state.failures.set(5, domain::failure_reason::corrupt_input);      // 1
  state.failures.set(0, domain::failure_reason::internal);           // 18
  state.failures.erase(5);
  const auto bytes = encode_snapshot(state, 1, 1);
  constexpr char in_order[] = "\x62\x02\x10\x12"
                              "\x62\x02\x08\x04"
                              "\x62\x04\x08\x09\x10\x13"
                              "\x62\x05\x08\xac\x02\x10\x10";
  CHECK(bytes.find(std::string_view(in_order, sizeof in_order - 1)) != std::string::npos);
  const auto back = decode_snapshot(bytes);
  REQUIRE(back);
  CHECK(back->state.same_facts(state));
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
