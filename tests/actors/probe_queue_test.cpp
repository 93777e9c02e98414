#include "actors/probe_queue.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;

TEST_CASE("headers are read owner by owner, a handful of each; who waits goes first") {
  actors::probe_queue<std::string> queue;
  for (int i = 0; i < 40; ++i)
    queue.add("ann", false, "a");
  queue.add("ben", false, "b");
  queue.add("ben", false, "b");
  queue.add("cat", true, "C");
  std::string order;
  while (const auto next = queue.next())
    order += *next;
  CHECK(order == "C" + std::string(16, 'a') + "bb" + std::string(24, 'a'));
  CHECK_FALSE(queue.next());
}
