#include "actors/waiting_batches.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

const domain::batch_id anns{{1}}, bobs{{2}};
using batches = std::vector<domain::batch_id>;

} // namespace

TEST_CASE("a batch is known while one of its requests waits") {
  waiting_batches waiting;
  CHECK(waiting.user_of(anns) == nullptr);
  waiting.add(anns, "ann", 5);
  waiting.add(anns, "ann", 5);
  waiting.add(bobs, "bob", 5);
  waiting.remove(anns, 5);
  REQUIRE(waiting.user_of(anns) != nullptr);
  CHECK(*waiting.user_of(anns) == "ann");
  waiting.remove(anns, 5);
  CHECK(waiting.user_of(anns) == nullptr);
  CHECK(*waiting.user_of(bobs) == "bob");
}

TEST_CASE("batches are found of which every request needs more memory") {
  waiting_batches waiting;
  CHECK(waiting.all_above(0).empty());
  waiting.add(anns, "ann", 5);
  waiting.add(bobs, "bob", 7);
  CHECK(waiting.all_above(7).empty());
  CHECK(waiting.all_above(6) == batches{bobs});
  CHECK(waiting.all_above(4) == batches{bobs, anns});
  waiting.add(bobs, "bob", 3);
  CHECK(waiting.all_above(4) == batches{anns});
  waiting.remove(bobs, 3);
  CHECK(waiting.all_above(6) == batches{bobs});
}
