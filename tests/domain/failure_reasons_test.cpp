#include "domain/failure_reasons.hpp"

#include <catch2/catch_test_macros.hpp>

#include <map>
#include <random>

using namespace darkroom::domain;

namespace {

using plain_map = std::map<file_index, failure_reason>;

plain_map all_of(const failure_reasons& reasons) {
  plain_map all;
  file_index after = 0;
  reasons.each([&](file_index i, failure_reason reason) {
    CHECK(i >= after);
    after = i + 1;
    all[i] = reason;
  });
  return all;
}

} // namespace

TEST_CASE("failures in any order are told in the order of files") {
  failure_reasons reasons;
  CHECK(all_of(reasons).empty());
  reasons.set(7, failure_reason::crashed);
  reasons.set(0, failure_reason::unsupported_format);
  reasons.set(3, failure_reason::internal);
  reasons.set(3, failure_reason::io_error);
  CHECK(all_of(reasons) == plain_map{{0, failure_reason::unsupported_format},
                                     {3, failure_reason::io_error},
                                     {7, failure_reason::crashed}});
  CHECK(reasons.of(3) == failure_reason::io_error);
  CHECK_FALSE(reasons.of(4));
  CHECK_FALSE(reasons.of(1'000'000));
}

TEST_CASE("failures are equal whatever else failed before") {
  failure_reasons once, again;
  once.set(2, failure_reason::crashed);
  again.set(900'000, failure_reason::crashed);
  again.set(2, failure_reason::crashed);
  CHECK_FALSE(once == again);
  again.erase(900'000);
  again.erase(900'001);
  again.erase(1);
  CHECK(once == again);
  again.erase(2);
  CHECK(again == failure_reasons{});
}

TEST_CASE("failures are those of a map, step by step") {
  std::mt19937 dice(1);
  failure_reasons reasons;
  plain_map plain;
  constexpr file_index files = 40;
  constexpr auto kinds = static_cast<std::uint32_t>(darkroom::base::enum_count<failure_reason>);
  for (int step = 0; step < 5'000; ++step) {
    const auto file = static_cast<file_index>(dice() % files);
    if (dice() % 2 == 0) {
      const auto reason = static_cast<failure_reason>(dice() % kinds);
      reasons.set(file, reason);
      plain[file] = reason;
    } else {
      reasons.erase(file);
      plain.erase(file);
    }
    REQUIRE(all_of(reasons) == plain);
    for (file_index i = 0; i <= files; ++i)
      REQUIRE(reasons.of(i).has_value() == plain.contains(i));
  }
}
