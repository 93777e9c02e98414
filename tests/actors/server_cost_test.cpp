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

} // namespace

TEST_CASE("what the server takes for a file is assumed until files have ended, then measured") {
  server_cost cost;
  CHECK(cost.per_file_us() == limits::server_file_us);
  end_files(cost, 1'000, 1'000 * 1'500);
  CHECK(cost.per_file_us() > 1'400);
  end_files(cost, 9'000, 9'000 * 1'500);
  CHECK(cost.per_file_us() == 1'493); // of the assumption, a hundredth is left
}

TEST_CASE("what is used while no file ends was not for files") {
  server_cost cost;
  cost.used(60'000'000);
  CHECK(cost.per_file_us() == limits::server_file_us);
  end_files(cost, 100, 100 * limits::server_file_us);
  CHECK(cost.per_file_us() == limits::server_file_us);
}

TEST_CASE("other work of the same threads beside few files hardly counts") {
  server_cost cost;
  end_files(cost, 5'000, 5'000 * 1'000);
  const auto before = cost.per_file_us();
  end_files(cost, 10, 1'000'000);
  CHECK(cost.per_file_us() < before + 30);
  CHECK(cost.per_file_us() > before);
}

TEST_CASE("another load is learnt within as many files as are remembered") {
  server_cost cost;
  end_files(cost, 10'000, 10'000 * 3'000);
  for (int second = 0; second < 20; ++second)
    end_files(cost, 1'000, 1'000 * 500);
  CHECK(cost.per_file_us() < 600);
}
