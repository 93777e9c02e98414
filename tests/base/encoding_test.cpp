#include "base/encoding.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>

using namespace darkroom;

TEST_CASE("bytes become lower-case hexadecimal text") {
  CHECK(base::to_hex(std::array<std::uint8_t, 3>{0x00, 0xab, 0x7f}) == "00ab7f");
  CHECK(base::to_hex({}).empty());
}

TEST_CASE("only unreserved characters stay as they are in a URL") {
  CHECK(base::percent_encoded("aZ9-._~") == "aZ9-._~");
  CHECK(base::percent_encoded("a b/ü%") == "a%20b%2F%C3%BC%25");
  CHECK(base::percent_encoded("a/b c", "/") == "a/b%20c");
  CHECK(base::percent_encoded(std::string_view{"\0\x7f", 2}) == "%00%7F");
}
