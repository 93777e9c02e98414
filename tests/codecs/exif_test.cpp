#include "codecs/exif.hpp"

#include "pictures.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
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
      (void)change_exif(
          broken, {.orientation = 1, .width = 5, .height = 6, .srgb = true, .strip_location = true},
          nullptr);
    }
    (void)change_exif(std::span(exif).first(at), {.strip_location = true}, nullptr);
  }
  SUCCEED("the sanitizers watch this one");
}

namespace {

// One directory with these entries, big endian: tag, type, count, and the value's four bytes.
struct entry {
  std::uint16_t tag, type;
  std::uint32_t count;
  std::array<std::uint8_t, 4> value;
};

void put_directory(byte_vector& to, const std::vector<entry>& entries) {
  const auto put16 = [&](std::uint32_t v) {
    to.push_back(static_cast<std::uint8_t>(v >> 8));
    to.push_back(static_cast<std::uint8_t>(v));
  };
  put16(static_cast<std::uint32_t>(entries.size()));
  for (const auto& e : entries) {
    put16(e.tag);
    put16(e.type);
    put16(e.count >> 16);
    put16(e.count);
    to.insert(to.end(), e.value.begin(), e.value.end());
  }
  to.insert(to.end(), 4, 0);
}

byte_vector exif_of(const std::vector<entry>& main, const std::vector<entry>& exif = {},
                    const std::vector<entry>& interop = {}) {
  byte_vector bytes{'M', 'M', 0, 42, 0, 0, 0, 8};
  auto linked = main, linked_exif = exif;
  const auto size = [](std::size_t entries) {
    return static_cast<std::uint8_t>(2 + 12 * entries + 4);
  };
  const auto exif_at = static_cast<std::uint8_t>(8 + size(main.size() + 1));
  const auto interop_at = static_cast<std::uint8_t>(exif_at + size(exif.size() + 1));
  linked.push_back({0x8769, 4, 1, {0, 0, 0, exif_at}});
  linked_exif.push_back({0xa005, 4, 1, {0, 0, 0, interop_at}});
  put_directory(bytes, linked);
  put_directory(bytes, linked_exif);
  put_directory(bytes, interop);
  return bytes;
}

} // namespace

TEST_CASE("an orientation of any whole type is read, and written as the standard has it") {
  const std::vector<entry> sixes{{0x0112, 1, 1, {6, 0, 0, 0}}, {0x0112, 3, 1, {0, 6, 0, 0}},
                                 {0x0112, 4, 1, {0, 0, 0, 6}}, {0x0112, 6, 1, {6, 0, 0, 0}},
                                 {0x0112, 7, 1, {6, 0, 0, 0}}, {0x0112, 8, 1, {0, 6, 0, 0}},
                                 {0x0112, 9, 1, {0, 0, 0, 6}}};
  for (const auto& six : sixes) {
    INFO("type " << six.type);
    const auto exif = exif_of({six});
    CHECK(exif_orientation(exif) == 6);
    CHECK(change_exif(exif, {.orientation = 1}, nullptr) ==
          exif_of({{0x0112, 3, 1, {0, 1, 0, 0}}}));
  }
  // Text and fractions are no orientation, and are made one.
  for (const std::uint16_t type : {2, 5, 77}) {
    const auto exif = exif_of({{0x0112, type, 1, {'6', 0, 0, 0}}});
    CHECK(exif_orientation(exif) == 1);
    CHECK(change_exif(exif, {.orientation = 1}, nullptr) ==
          exif_of({{0x0112, 3, 1, {0, 1, 0, 0}}}));
  }
}

TEST_CASE("every place that holds an orientation or a size is changed") {
  const entry three{0x0112, 3, 1, {0, 3, 0, 0}}, one{0x0112, 3, 1, {0, 1, 0, 0}};
  const auto exif =
      exif_of({{0x0100, 3, 1, {0, 9, 0, 0}}, {0x0101, 4, 1, {0, 0, 0, 9}}, three, three},
              {three, {0xa002, 3, 1, {0, 9, 0, 0}}, {0xa003, 4, 1, {0, 0, 0, 9}}});
  CHECK(change_exif(exif, {.orientation = 1, .width = 300, .height = 70'000}, nullptr) ==
        exif_of({{0x0100, 3, 1, {1, 44, 0, 0}}, {0x0101, 4, 1, {0, 1, 17, 112}}, one, one},
                {one, {0xa002, 3, 1, {1, 44, 0, 0}}, {0xa003, 4, 1, {0, 1, 17, 112}}}));
}

TEST_CASE("pixels that became sRGB are called so") {
  const auto adobe =
      exif_of({}, {{0xa001, 3, 1, {0xff, 0xff, 0, 0}}}, {{0x0001, 2, 4, {'R', '0', '3', 0}}});
  CHECK(change_exif(adobe, {}, nullptr) == adobe);
  CHECK(change_exif(adobe, {.srgb = true}, nullptr) ==
        exif_of({}, {{0xa001, 3, 1, {0, 1, 0, 0}}}, {{0x0001, 2, 4, {'R', '9', '8', 0}}}));
}

TEST_CASE("a structure for the orientation alone is read back") {
  for (std::uint8_t o = 1; o <= 8; ++o)
    CHECK(exif_orientation(orientation_exif(o)) == o);
}
