#include "codecs/host/spec_packing.hpp"
#include "domain/limits.hpp"
#include "tests/support/every_choice.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::codecs::host;

TEST_CASE("every choice of a spec reaches a codec host, but what it has no use for") {
  tests::with_every_choice([](const domain::conversion_spec& spec) {
    auto expected = spec;
    expected.collision = {};
    expected.existing = {};
    expected.min_saving_percent = 0;
    const auto read = unpack(pack(spec));
    REQUIRE(read);
    CHECK(*read == expected);
  });
}

TEST_CASE("the largest valid spec can be packed, and a larger one is refused") {
  auto spec = tests::whole_spec();
  spec.outputs[0].format.assign(limits::format_name_bytes_max, 'x');
  spec.outputs[0].suffix.assign(limits::suffix_bytes_max, 's');
  spec.outputs.resize(limits::outputs_max, spec.outputs[0]);
  REQUIRE(domain::validate(spec));
  const auto read = unpack(pack(spec));
  REQUIRE(read);
  CHECK(read->outputs.size() == limits::outputs_max);
  CHECK(read->outputs.back().format == spec.outputs.back().format);
  spec.outputs.resize(200, spec.outputs[0]);
  CHECK_THROWS_AS(pack(spec), std::length_error);
}

TEST_CASE("bytes that are no spec are refused") {
  const auto whole = pack(tests::whole_spec());
  for (std::uint32_t size = 0; size < whole.size; ++size) {
    auto cut = whole;
    cut.size = size;
    CHECK_FALSE(unpack(cut));
  }
  auto longer = whole;
  longer.size += 1;
  CHECK_FALSE(unpack(longer));
  auto beyond = whole;
  beyond.size = packed_spec_bytes_max + 1;
  CHECK_FALSE(unpack(beyond));
  auto changed = whole;
  std::size_t refused = 0;
  for (std::uint32_t i = 0; i < whole.size; ++i) {
    changed.bytes[i] = 0xff;
    if (!unpack(changed)) ++refused;
    changed = whole;
  }
  CHECK(refused > 5); // enums and ranges
}
