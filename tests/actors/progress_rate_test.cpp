#include "actors/progress_rate.hpp"

#include <catch2/catch_test_macros.hpp>

using darkroom::actors::progress_rate;

namespace {

constexpr std::int64_t second = 1'000'000;

} // namespace

TEST_CASE("a rate counts what has completed since the work began") {
  progress_rate rate;
  rate.restart(100 * second);
  CHECK(rate.read(100 * second).files == 0); // nothing is said of the first moment
  for (int i = 1; i <= 8; ++i)
    rate.add(100 * second + i * second, {2, 2'000'000, 500});
  const auto now = rate.read(108 * second);
  CHECK(now.files == 2);
  CHECK(now.pixels == 2'000'000);
  CHECK(now.bytes == 500);
}

TEST_CASE("a rate forgets what is older than two of its spans") {
  progress_rate rate;
  rate.restart(0);
  rate.add(1 * second, {1'000, 0, 0});
  for (int i = 11; i < 60; ++i)
    rate.add(i * second, {3, 0, 0});
  const auto files = rate.read(60 * second).files;
  CHECK(files > 2.5);
  CHECK(files < 3.5);
}

TEST_CASE("a rate begins anew with the work") {
  progress_rate rate;
  rate.restart(0);
  rate.add(1 * second, {1'000, 0, 0});
  rate.restart(5 * second);
  rate.add(6 * second, {4, 0, 0});
  CHECK(rate.read(7 * second).files == 2);
}
