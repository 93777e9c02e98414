#include "base/thread_name.hpp"
#include "base/thread_times.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <thread>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

constexpr std::uint64_t busy_us = 20'000;

void be_busy() {
  const auto begin = base::own_thread_us();
  while (base::own_thread_us() < begin + busy_us) {
  }
}

void in_thread(const std::string& role, const std::function<void()>& run) {
  std::thread([&] {
    base::name_thread(role);
    run();
  }).join();
}

bool is_busy_one(std::string_view role) {
  return role == "busy one";
}

} // namespace

TEST_CASE("threads are counted by their role, each with what it used since the last time") {
  base::thread_times times, others;
  in_thread("busy one", [&] {
    be_busy();
    CHECK(times.used(is_busy_one) == std::nullopt); // whatever it was for
    CHECK(others.used([](auto role) { return role == "another"; }) == std::nullopt);
    be_busy();
    const auto used = times.used(is_busy_one);
    CHECK(used >= busy_us);
    CHECK(used <= base::own_thread_us());
    CHECK(others.used([](auto role) { return role == "another"; }) == 0);
    CHECK(times.used(is_busy_one) < busy_us);
  });
}

TEST_CASE("a thread that is new since the last time is counted from its beginning") {
  base::thread_times times;
  CHECK(times.used(is_busy_one) == std::nullopt);
  in_thread("busy one", [&] {
    be_busy();
    CHECK(times.used(is_busy_one) >= busy_us);
  });
  CHECK(times.used(is_busy_one) == 0);
}

TEST_CASE("threads that cannot be listed, or whose role cannot be read, say nothing") {
  const scratch tasks;
  tasks.write("1/other", "");
  for (const auto& folder : {std::string{"/nowhere"}, tasks.path()}) {
    base::thread_times times(folder);
    CHECK(times.used(is_busy_one) == std::nullopt);
    CHECK(times.used(is_busy_one) == std::nullopt);
  }
}
