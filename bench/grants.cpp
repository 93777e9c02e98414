// What one grant of a lease costs with few and with many files waiting: microseconds, of the rules
// alone.
//
//   bench_grants [MEMORY_MIB]   each file needs up to this (1; 512 is more than fits: most are
//   overtaken)
#include "actors/lease_queue.hpp"
#include "base/units.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

constexpr std::uint32_t users = 20, slots = 16, grants = 20'000;

double microseconds_per_grant(std::uint32_t waiting, std::uint64_t memory_mib) {
  std::mt19937 random(7);
  lease_queue queue;
  queue.add_node({.slots = slots, .memory_bytes = 1'024 * limits::MiB});
  domain::file_index next = 0;
  const auto request = [&] {
    const auto owner = random() % users;
    lease_wish wish;
    wish.file = {{{static_cast<std::uint8_t>(owner), static_cast<std::uint8_t>(random() % 50)}},
                 next++};
    wish.user = "user" + std::to_string(owner);
    wish.memory_bytes = (1 + random() % memory_mib) * limits::MiB;
    wish.cost = 1'000 + random() % 100'000;
    queue.request(wish);
  };
  for (std::uint32_t i = 0; i < waiting; ++i)
    request();
  std::deque<domain::lease_id> leases;
  std::uint64_t now_ms = 0;
  const auto grant = [&] {
    for (const auto& g : queue.grant_all(now_ms))
      leases.push_back(g.lease);
  };
  grant(); // also passes over what does not fit, once
  std::uint32_t granted = 0;
  const auto began = std::chrono::steady_clock::now();
  while (granted < grants && !leases.empty()) {
    queue.end(leases.front());
    leases.pop_front();
    const auto before = leases.size();
    now_ms += 1;
    grant();
    for (auto i = before; i < leases.size(); ++i, ++granted)
      request();
  }
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - began;
  return took.count() / std::max(1u, granted);
}

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t memory_mib = argc > 1 ? std::max(1, std::atoi(argv[1])) : 1;
  for (const std::uint32_t waiting : {256u, 25'600u, 256'000u})
    std::printf("%7u waiting: %8.2f us a grant\n", waiting,
                microseconds_per_grant(waiting, memory_mib));
  return 0;
}
