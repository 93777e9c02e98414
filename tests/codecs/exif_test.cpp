#include "codecs/exif.hpp"

#include "pictures.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string_view>

using namespace darkroom::codecs;
using namespace darkroom::tests;

namespace {

bool contains(const byte_vector& bytes, std::string_view text) {
  return !std::ranges::search(bytes, text).empty();
}

} // namespace

TEST_CASE("the orientation is read and reset, in both byte orders") {
  for (const bool big : {false, true}) {
    const auto exif = sample_exif(6, big);
    CHECK(exif_orientation(exif) == 6);
    const auto changed = change_exif(exif, {.orientation = 1}, nullptr);
    CHECK(exif_orientation(changed) == 1);
  }
  CHECK(exif_orientation(sample_exif(9)) == 1);
  CHECK(exif_orientation({}) == 1);
}

TEST_CASE("the thumbnail is cut off, the rest stays") {
  const auto exif = sample_exif(1);
  REQUIRE(contains(exif, "thumb!"));
  const auto changed = change_exif(exif, {}, nullptr);
  CHECK_FALSE(contains(changed, "thumb!"));
  CHECK(std::equal(changed.begin(), changed.begin() + 46, exif.begin()));
}

TEST_CASE("the place is removed with every byte of it, and nothing else") {
  for (const bool big : {false, true}) {
    bool removed = false;
    const auto exif = sample_exif(3, big);
    const auto changed = change_exif(exif, {.orientation = 3, .strip_location = true}, &removed);
    CHECK(removed);
    REQUIRE(changed.size() > 122);
    CHECK(std::all_of(changed.begin() + 80, changed.begin() + 122, [](auto b) { return b == 0; }));
    CHECK(exif_orientation(changed) == 3);
    removed = false;
    (void)change_exif(changed, {.strip_location = true}, &removed);
    CHECK_FALSE(removed); // there is none any more
  }
}

TEST_CASE("what cannot be followed is dropped whole") {
  CHECK(change_exif({}, {}, nullptr).empty());
  CHECK(change_exif(byte_vector{'I', 'I', 42, 0, 200, 0, 0, 0}, {}, nullptr).empty());
  CHECK(change_exif(byte_vector(100, 0xff), {}, nullptr).empty());
}

TEST_CASE("no structure, however broken, is read or written outside of itself") {
  const auto exif = sample_exif(5);
  for (std::size_t at = 0; at < exif.size(); ++at) {
    for (const std::uint8_t value : {0x00, 0x01, 0x7f, 0xff}) {
      auto broken = exif;
      broken[at] = value;
      (void)exif_orientation(broken);
      (void)change_exif(broken, {.orientation = 1, .width = 5, .height = 6, .strip_location = true},
                        nullptr);
    }
    (void)change_exif(std::span(exif).first(at), {.strip_location = true}, nullptr);
  }
  SUCCEED("the sanitizers watch this one");
}

TEST_CASE("XMP that tells a place is recognised") {
  const std::string_view place = "<exif:GPSLatitude>48</exif:GPSLatitude>", none = "<dc:title/>";
  CHECK(xmp_has_location(byte_vector(place.begin(), place.end())));
  CHECK_FALSE(xmp_has_location(byte_vector(none.begin(), none.end())));
}
