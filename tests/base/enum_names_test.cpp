#include "base/enum_names.hpp"

#include <catch2/catch_test_macros.hpp>

namespace darkroom::tests {
enum class fruit : std::uint8_t { apple, pear, plum };
enum class unnamed : std::uint8_t { a };
} // namespace darkroom::tests

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::tests::fruit> =
    names("apple", "pear", "plum");

using namespace darkroom;
using tests::fruit;

TEST_CASE("an enum with a table counts, prints and parses") {
  STATIC_CHECK(base::enum_count<fruit> == 3);
  CHECK(base::to_string(fruit::pear) == "pear");
  CHECK(base::parse_enum<fruit>("plum") == fruit::plum);
  CHECK_FALSE(base::parse_enum<fruit>("Plum"));
  CHECK_FALSE(base::parse_enum<fruit>(""));
  for (const auto value : base::enum_values<fruit>())
    CHECK(base::parse_enum<fruit>(base::to_string(value)) == value);
}

TEST_CASE("a number from outside is a value only within the table") {
  CHECK(base::enum_from_number<fruit>(2) == fruit::plum);
  CHECK_FALSE(base::enum_from_number<fruit>(3));
  CHECK_FALSE(base::enum_from_number<fruit>(std::uint64_t{1} << 40));
  CHECK_FALSE(base::in_range(static_cast<fruit>(3)));
  CHECK(base::to_string(static_cast<fruit>(3)) == "unknown");
}

TEST_CASE("an enumerator is told from a number that has no name") {
  STATIC_CHECK(base::is_enumerator<fruit::plum>());
  STATIC_CHECK_FALSE(base::is_enumerator<static_cast<fruit>(3)>());
  STATIC_CHECK(base::named_enum<fruit>);
  STATIC_CHECK_FALSE(base::named_enum<tests::unnamed>);
}
