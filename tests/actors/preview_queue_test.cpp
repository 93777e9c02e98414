#include "actors/preview_queue.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using darkroom::actors::preview_queue;

namespace {

std::string taken(preview_queue<int>& queue) {
  std::string order;
  while (const auto next = queue.next())
    order += (order.empty() ? "" : " ") + std::to_string(*next);
  return order;
}

} // namespace

TEST_CASE("previews go before thumbnails, each in the order in which they came") {
  preview_queue<int> queue;
  queue.add_thumbnail(1);
  queue.add_thumbnail(2);
  CHECK_FALSE(queue.add_preview("ann", 3));
  CHECK_FALSE(queue.add_preview("ben", 4));
  CHECK(taken(queue) == "3 4 1 2");
  CHECK_FALSE(queue.next());
}

TEST_CASE("a viewer's newer preview has the place of the older one, which is given back") {
  preview_queue<int> queue;
  CHECK_FALSE(queue.add_preview("ann", 1));
  CHECK_FALSE(queue.add_preview("ben", 2));
  CHECK(queue.add_preview("ann", 3) == 1);
  CHECK(queue.add_preview("ann", 4) == 3);
  CHECK(taken(queue) == "4 2");
  CHECK_FALSE(queue.add_preview("ann", 5)); // the older one has been made
}
