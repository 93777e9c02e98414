#include "base/result.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace darkroom;

namespace {

using maybe = base::result<bool, std::string>;

} // namespace

TEST_CASE("a result holds a value or an error, and copies keep which") {
  maybe no = false; // a value, though a false one
  maybe copy = no;
  CHECK(copy.has_value());
  CHECK_FALSE(*copy);
  maybe error = std::unexpected(std::string{"why"});
  copy = error;
  CHECK_FALSE(copy.has_value());
  CHECK(copy.error() == "why");
  maybe moved = std::move(copy);
  CHECK(moved.error() == "why");
}
