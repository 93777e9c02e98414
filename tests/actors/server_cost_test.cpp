// What the server takes for one file, as it is learnt.
#include "actors/server_cost.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using actors::server_cost;

namespace {

void end_files(server_cost& cost, int files, std::uint64_t used_us) {
  for (int i = 0; i < files; ++i)
    cost.file_ended();
  cost.used(used_us);
}

// Seconds in each of which so many files end, and take so much each.
void run(server_cost& cost, int seconds, int files, std::uint64_t us_of_a_file) {
  for (int i = 0; i < seconds; ++i)
    end_files(cost, files, static_cast<std::uint64_t>(files) * us_of_a_file);
}

} // namespace

TEST_CASE("what the server takes for a file is assumed until files have ended, then measured") {
  server_cost cost;
  CHECK(cost.per_file_us() == limits::server_file_us);
  run(cost, 1, 1'000, 1'500);
  CHECK(cost.per_file_us() > 1'400);
  run(cost, 10, 1'000, 1'500);
  CHECK(cost.per_file_us() > 1'490);
  CHECK(cost.per_file_us() <= 1'500);
}

TEST_CASE("what is used while no file ends was not for files") {
  server_cost cost;
  cost.used(60'000'000);
  CHECK(cost.per_file_us() == limits::server_file_us);
  run(cost, 1, 100, limits::server_file_us);
  CHECK(cost.per_file_us() == limits::server_file_us);
}

TEST_CASE(
    "other work of the same threads beside few files hardly counts, and never without limit") {
  server_cost cost;
  run(cost, 20, 1'000, 1'000);
  end_files(cost, 10, 1'000'000);
  CHECK(cost.per_file_us() >= 1'000);
  CHECK(cost.per_file_us() < 1'010);
  for (int second = 0; second < 1'000; ++second)
    end_files(cost, 1, 1'000'000);
  CHECK(cost.per_file_us() == limits::server_file_most_us);
}

TEST_CASE("what photos took is forgotten as soon as small files end") {
  server_cost cost;
  run(cost, 1'000, 15, 7'000);
  CHECK(cost.per_file_us() == limits::server_file_most_us);
  run(cost, 2, 700, 1'500);
  CHECK(cost.per_file_us() < 2'000);
  run(cost, 20, 700, 1'500);
  CHECK(cost.per_file_us() < 1'520);
}

TEST_CASE("a measurement of nothing leaves a cost, so that turns end") {
  server_cost cost;
  run(cost, 1'000, 1'000, 0);
  CHECK(cost.per_file_us() == limits::server_file_least_us);
}
