#include "domain/output_format.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom::domain;

namespace {

std::vector<output_format> two_formats() {
  output_format lossy{.name = "lossy", .label = "Lossy"};
  lossy.options = {.quality = {{10, 90}}, .effort = {{1, 3}}};
  output_format exact{.name = "exact", .label = "Exact", .aliases = {"ex"}};
  exact.options = {.lossless = lossless_support::always};
  return {lossy, exact};
}

spec_error refused(output_spec output, output_formats formats) {
  conversion_spec spec;
  spec.outputs.push_back({.format = "exact"});
  spec.outputs.push_back(std::move(output));
  const auto ok = check_formats(spec, formats);
  return ok ? spec_error{} : ok.error();
}

} // namespace

TEST_CASE("what a format cannot do is refused with where and what it can") {
  const auto formats = two_formats();
  CHECK(refused({.format = "lossy", .quality = 90, .effort = 3}, formats) == spec_error{});
  CHECK(refused({.format = "lossy", .lossless = true, .effort = 3}, formats) ==
        spec_error{"/outputs/1/lossless", "is not possible in Lossy; use exact"});
  CHECK(refused({.format = "lossy", .quality = 91, .effort = 3}, formats) ==
        spec_error{"/outputs/1/quality", "is from 10 to 90 in Lossy"});
  CHECK(refused({.format = "lossy", .effort = 4}, formats) ==
        spec_error{"/outputs/1/effort", "is from 1 to 3 in Lossy"});
  CHECK(refused({.format = "other"}, formats) ==
        spec_error{"/outputs/1/format", "is none of the formats in /v1/formats"});
  CHECK(refused({.format = "ex"}, formats).pointer == "/outputs/1/format"); // an alias is no name
}

TEST_CASE("an option that a format does not follow is allowed") {
  const auto formats = two_formats();
  CHECK(refused({.format = "exact", .quality = 100, .lossless = true, .effort = 6}, formats) ==
        spec_error{});
}

TEST_CASE("words are listed as people write them") {
  CHECK(list_text({}, "or").empty());
  CHECK(list_text({"a"}, "or") == "a");
  CHECK(list_text({"a", "b"}, "and") == "a and b");
  CHECK(list_text({"a", "b", "c"}, "or") == "a, b or c");
}
