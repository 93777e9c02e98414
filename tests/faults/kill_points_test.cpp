// The server dies just before, and just after, each step that makes something durable.
#include "trial.hpp"

#include <csignal>
#include <deque>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

struct point {
  const char* step;
  const char* call;   // of tests/faults/shim.cpp
  unsigned times = 1; // the n-th of this life
};

// Every life is begun by a recovery, so those steps are met by each.
constexpr point points[] = {
    {"journal write", "write@*/journal/*.log", 30},
    {"journal sync", "sync@*/journal/*.log", 20},
    {"the witness of a sync", "write@*/journal.witness", 20},
    {"sync of the witness", "sync@*/journal.witness", 4},
    {"sync of an upload or an output", "sync@*/blobs/*.part", 5},
    {"its name", "rename@*/blobs/[!.]*/*", 5},
    {"sync of its directory", "sync@*/blobs/[0-9a-f][0-9a-f]", 3},
    {"its event", "rename@*/blobs/[!.]*/*>write@*/journal/*.log", 1},
    {"sync of its event", "rename@*/blobs/[!.]*/*>sync@*/journal/*.log", 1},
    {"a blob's end", "unlink@*/blobs/[!.]*/*", 1},
    {"recovery: the journal's new table", "write@*/journal/*.sst", 1},
    {"recovery: sync of the table", "sync@*/journal/*.sst", 1},
    {"recovery: the new manifest", "write@*/journal/MANIFEST*", 1},
    {"recovery: sync of the manifest", "sync@*/journal/MANIFEST*", 1},
    {"recovery: the manifest's name", "rename@*/journal/CURRENT", 1},
    {"recovery: the end of the old log", "unlink@*/journal/*.log", 1},
    {"recovery: the new log", "open@*/journal/*.log", 2},
    {"recovery: first event", "write@*/journal/*.log", 1},
    {"recovery: first sync", "sync@*/journal/*.log", 1},
    {"compaction: its table", "unlink@*/journal/*.log>write@*/journal/*.sst", 1},
    {"compaction: sync of its table", "unlink@*/journal/*.log>sync@*/journal/*.sst", 1},
    {"compaction: end of an old table", "unlink@*/journal/*.sst", 1},
};
constexpr std::size_t ways = std::size(points) * 2;

std::string rule_of(std::size_t n) {
  const auto& p = points[n / 2];
  return std::string{p.call} + (n % 2 == 0 ? "=kill#" : "=killed#") + std::to_string(p.times);
}

// Until a server has died at each of them, or has had so many lives; returns those that are left.
std::deque<std::size_t> run_points(std::uint32_t lives, std::uint32_t seed) {
  const scratch folder;
  auto options = trial_options(folder, lives, seed);
  std::deque<std::size_t> left;
  for (std::size_t n = 0; n < ways; ++n)
    left.push_back(n);
  options.life_environment = [&](std::uint32_t) {
    return left.empty() ? std::vector<std::string>{} : faulty(rule_of(left.front()));
  };
  options.end_life = [&](app::server_process& server, std::atomic<bool>&) -> std::string {
    const int code = server.wait(std::chrono::milliseconds(left.empty() ? 0 : 600));
    if (code != -1 && code != 128 + SIGKILL)
      return "the server ended by itself with " + std::to_string(code);
    server.kill();
    if (left.empty()) return "";
    // A life may have no such step: a compaction is due now and then only.
    if (code == -1) left.push_back(left.front());
    left.pop_front();
    return "";
  };
  keeps_its_promise(options);
  return left;
}

} // namespace

TEST_CASE("the server dies before and after each durable step") {
  skip_under_sanitizers();
  // On a busy machine every second life ends before a compaction is due.
  for (const auto n : run_points(130, 1)) {
    INFO((n % 2 == 0 ? "before " : "after ") << points[n / 2].step);
    CHECK(false);
  }
}
