#include "base/thread_name.hpp"
#include "base/thread_times.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <thread>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

constexpr auto all = [](std::string_view) { return true; };

void write_thread(const scratch& tasks, const std::string& number, const std::string& role,
                  const std::string& schedstat) {
  tasks.write(number + "/comm", role + '\n');
  tasks.write(number + "/schedstat", schedstat);
}

} // namespace

TEST_CASE("threads are counted by their role, each with what it used since the last time") {
  const scratch tasks;
  base::thread_times times(tasks.path());
  write_thread(tasks, "1", "actors", "5000000 7 1\n");
  write_thread(tasks, "2", "http 0", "9000000 7 1\n");
  write_thread(tasks, "3", "slot 0", "1000000 7 1\n");
  const auto for_files = [](std::string_view role) { return !role.starts_with("http"); };
  CHECK(times.used(for_files) == 6'000);
  CHECK(times.used(for_files) == 0);
  write_thread(tasks, "1", "actors", "5500000 8 2\n");
  std::filesystem::remove_all(tasks / "3");
  write_thread(tasks, "4", "slot 0", "20000 7 1\n"); // the new thread of that slot
  CHECK(times.used(for_files) == 520);
  write_thread(tasks, "4", "slot 0", "3000 7 1\n"); // a third one, with the number of the second
  CHECK(times.used(for_files) == 3);
}

TEST_CASE("a kernel without statistics of threads says nothing") {
  const scratch tasks;
  CHECK(base::thread_times("/nowhere").used(all) == std::nullopt);
  CHECK(base::thread_times(tasks.path()).used(all) == std::nullopt);
  tasks.write("1/comm", "actors\n");
  CHECK(base::thread_times(tasks.path()).used(all) == std::nullopt);
  tasks.write("1/schedstat", "nonsense\n");
  CHECK(base::thread_times(tasks.path()).used(all) == std::nullopt);
}

TEST_CASE("this process's threads are told apart by what they do") {
  base::thread_times times;
  const auto own = [](std::string_view role) { return role == "busy one"; };
  std::optional<std::uint64_t> used_us;
  std::thread([&] {
    base::name_thread("busy one");
    if (!times.used(own)) return;
    const auto clock = [] {
      timespec now{};
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
      return now.tv_sec * 1'000'000 + now.tv_nsec / 1'000;
    };
    const auto begin = clock();
    while (clock() < begin + 20'000) {
    }
    used_us = times.used(own);
  }).join();
  if (!used_us) SKIP("this kernel keeps no statistics of threads");
  CHECK(*used_us >= 10'000); // schedstat lags behind by up to a tick
}
