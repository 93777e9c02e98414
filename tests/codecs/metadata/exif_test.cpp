#include "codecs/metadata/exif.hpp"

#include "base/byte_order.hpp"
#include "codecs/metadata/exif_directories.hpp"

#include "tests/codecs/pictures.hpp"

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
    const auto changed = change_exif(exif, {.orientation = 1});
    CHECK(exif_orientation(changed) == 1);
  }
  CHECK(exif_orientation(sample_exif(9)) == 1);
  CHECK(exif_orientation({}) == 1);
}

TEST_CASE("the thumbnail is cut off, the rest stays") {
  const auto exif = sample_exif(1);
  REQUIRE(contains(exif, "thumb!"));
  const auto changed = change_exif(exif, {});
  CHECK_FALSE(contains(changed, "thumb!"));
  CHECK(std::equal(changed.begin(), changed.begin() + 46, exif.begin()));
}

TEST_CASE("the place is left out with every byte of it, and the thumbnail too") {
  for (const bool big : {false, true}) {
    const auto exif = sample_exif(3, big);
    const auto kept = select_exif(exif, metadata_selection::without_location);
    CHECK(kept.readable);
    CHECK(kept.location_removed);
    CHECK_FALSE(kept.other_removed);
    CHECK(exif_orientation(kept.bytes) == 3);
    CHECK_FALSE(contains(kept.bytes, "thumb!"));
    CHECK(kept.bytes.size() < 80);
    const auto again = select_exif(kept.bytes, metadata_selection::without_location);
    CHECK_FALSE(again.location_removed); // there is none any more
    CHECK(again.bytes == kept.bytes);
  }
}

TEST_CASE("what cannot be followed is dropped whole") {
  CHECK(change_exif({}, {}).empty());
  CHECK(change_exif(byte_vector{'I', 'I', 42, 0, 200, 0, 0, 0}, {}).empty());
  CHECK(change_exif(byte_vector(100, 0xff), {}).empty());
}

TEST_CASE("no structure, however broken, is read or written outside of itself") {
  const auto exif = sample_exif(5);
  for (std::size_t at = 0; at < exif.size(); ++at) {
    for (const std::uint8_t value : {0x00, 0x01, 0x7f, 0xff}) {
      auto broken = exif;
      broken[at] = value;
      (void)exif_orientation(broken);
      (void)exif_density(broken);
      (void)change_exif(broken, {.orientation = 1, .width = 5, .height = 6, .srgb = true});
      (void)select_exif(broken, metadata_selection::without_location);
      (void)select_exif(broken, metadata_selection::copyright);
    }
    (void)change_exif(std::span(exif).first(at), {});
    (void)select_exif(std::span(exif).first(at), metadata_selection::without_location);
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
    CHECK(change_exif(exif, {.orientation = 1}) == exif_of({{0x0112, 3, 1, {0, 1, 0, 0}}}));
  }
  // Text and fractions are no orientation, and are made one.
  for (const std::uint16_t type : {2, 5, 77}) {
    const auto exif = exif_of({{0x0112, type, 1, {'6', 0, 0, 0}}});
    CHECK(exif_orientation(exif) == 1);
    CHECK(change_exif(exif, {.orientation = 1}) == exif_of({{0x0112, 3, 1, {0, 1, 0, 0}}}));
  }
}

TEST_CASE("every place that holds an orientation or a size is changed") {
  const entry three{0x0112, 3, 1, {0, 3, 0, 0}}, one{0x0112, 3, 1, {0, 1, 0, 0}};
  const auto exif =
      exif_of({{0x0100, 3, 1, {0, 9, 0, 0}}, {0x0101, 4, 1, {0, 0, 0, 9}}, three, three},
              {three, {0xa002, 3, 1, {0, 9, 0, 0}}, {0xa003, 4, 1, {0, 0, 0, 9}}});
  CHECK(change_exif(exif, {.orientation = 1, .width = 300, .height = 70'000}) ==
        exif_of({{0x0100, 3, 1, {1, 44, 0, 0}}, {0x0101, 4, 1, {0, 1, 17, 112}}, one, one},
                {one, {0xa002, 3, 1, {1, 44, 0, 0}}, {0xa003, 4, 1, {0, 1, 17, 112}}}));
}

TEST_CASE("pixels that became sRGB are called so") {
  const auto adobe =
      exif_of({}, {{0xa001, 3, 1, {0xff, 0xff, 0, 0}}}, {{0x0001, 2, 4, {'R', '0', '3', 0}}});
  CHECK(change_exif(adobe, {}) == adobe);
  CHECK(change_exif(adobe, {.srgb = true}) ==
        exif_of({}, {{0xa001, 3, 1, {0, 1, 0, 0}}}, {{0x0001, 2, 4, {'R', '9', '8', 0}}}));
}

TEST_CASE("a structure for the orientation alone is read back") {
  for (std::uint8_t o = 1; o <= 8; ++o)
    CHECK(exif_orientation(orientation_exif(o)) == o);
}

namespace {

exif_field field(std::uint16_t tag, std::string_view text) {
  return {tag, 2, static_cast<std::uint32_t>(text.size()), {text.begin(), text.end()}};
}

} // namespace

TEST_CASE("what is not known to be harmless is left out of every directory") {
  using namespace std::string_view_literals;
  const auto xmp = R"(<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
    xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
    xmlns:p="http://ns.adobe.com/photoshop/1.0/" p:City="Quillagua"/></rdf:RDF></x:xmpmeta>)"sv;
  struct row {
    const char* what;
    exif_directories directories;
    bool location, other;
  };
  const std::vector<row> rows{
      {"maker notes", {{}, {field(0x927c, "Quillagua"sv)}, {}}, false, true},
      {"XMP in tag 700", {{field(0x02bc, xmp)}, {}, {}}, true, true},
      {"IPTC in tag 0x83bb",
       {{field(0x83bb, "\x1c\x02\x5a\0\x09Quillagua"sv)}, {}, {}},
       true,
       true},
      {"a second GPS pointer", {{field(0x8825, "1"sv), field(0x8825, "2"sv)}, {}, {}}, true, false},
      {"GPS in the EXIF directory", {{}, {field(0x8825, "1"sv)}, {}}, true, false},
      {"an unknown tag", {{field(0xfe00, "Quillagua"sv)}, {}, {}}, false, true},
      {"a GPS directory that the interoperability pointer leads to",
       {{}, {}, {{0x0002, 5, 3, byte_vector(24, 7)}}},
       false,
       true},
      {"a text that is no text",
       {{{0x010f, 7, 9, {'Q', 'u', 'i', 'l', 'l', 'a', 'g', 'u', 'a'}}}, {}, {}},
       false,
       true},
      {"forty orientations", {{{0x0112, 1, 40, byte_vector(40, 'Q')}}, {}, {}}, false, true},
      {"behind the end of a text", {{field(0x010f, "Canon\0Quillagua\0"sv)}, {}, {}}, false, false},
  };
  for (const auto& r : rows) {
    INFO(r.what);
    auto directories = r.directories;
    directories.main.push_back(field(0x0110, "EOS 40D\0"sv));
    std::ranges::sort(directories.main, {}, &exif_field::tag);
    for (const bool big : {false, true}) {
      const auto kept =
          select_exif(write_exif(big, directories), metadata_selection::without_location);
      CHECK(kept.location_removed == r.location);
      CHECK(kept.other_removed == r.other);
      CHECK(contains(kept.bytes, "EOS 40D"));
      CHECK_FALSE(contains(kept.bytes, "Quillagua"));
      CHECK_FALSE(contains(kept.bytes, "QQQQQQQQ"));
      CHECK_FALSE(contains(kept.bytes, "\7\7\7\7\7\7\7\7"));
    }
  }
}

TEST_CASE("texts in UTF-8 and directories by their own type are read, as EXIF 3.0 has them") {
  const std::string artist = "\xc3\x84nn";
  auto exif = write_exif(true, {{{0x013b, 129, 4, {artist.begin(), artist.end()}}},
                                {{0x9000, 7, 4, {'0', '3', '0', '0'}}},
                                {}});
  for (const auto selection :
       {metadata_selection::without_location, metadata_selection::copyright}) {
    const auto kept = select_exif(exif, selection);
    CHECK_FALSE(std::ranges::search(kept.bytes, byte_vector(artist.begin(), artist.end())).empty());
  }
  exif[8 + 2 + 12 + 3] = 13; // the type of the pointer
  CHECK(contains(select_exif(exif, metadata_selection::without_location).bytes, "0300"));
}

TEST_CASE("the density follows a picture that is turned") {
  const auto exif = density_exif({11'811, 5'906, true});
  const auto turned = exif_density(change_exif(exif, {.turned = true}));
  REQUIRE(turned);
  CHECK(turned->x == 5'906);
  CHECK(turned->y == 11'811);
}

TEST_CASE("bytes that no tag points at are left out") {
  auto exif = write_exif(true, {{field(0x0110, "EOS 40D")}, {}, {}});
  for (const char c : std::string_view("Quillagua"))
    exif.push_back(static_cast<std::uint8_t>(c));
  const auto kept = select_exif(exif, metadata_selection::without_location);
  CHECK(contains(kept.bytes, "EOS 40D"));
  CHECK_FALSE(contains(kept.bytes, "Quillagua"));
}

TEST_CASE("entries that share their bytes do not multiply them") {
  byte_vector exif{'M', 'M', 0, 42, 0, 0, 0, 8};
  std::vector<entry> entries;
  for (const std::uint16_t tag : {0x010e, 0x010f, 0x0110, 0x0131, 0x013b, 0x013c, 0x8298})
    entries.push_back({tag, 7, 1'000'000, {0, 0, 0, 100}});
  put_directory(exif, entries);
  exif.resize(1'000'100);
  const auto kept = select_exif(exif, metadata_selection::without_location);
  CHECK(kept.bytes.size() <= exif.size());
  CHECK(kept.other_removed);
}

TEST_CASE("the copyright policy keeps artist, copyright and orientation") {
  const auto exif = write_exif(
      false, {{field(0x0110, "EOS 40D"), field(0x013b, "Ann Adams"), field(0x8298, "(c) Ann")},
              {field(0x9286, "a note"), field(0xa437, "Ann A.")},
              {}});
  const auto kept = select_exif(exif, metadata_selection::copyright);
  for (const auto* text : {"Ann Adams", "(c) Ann", "Ann A."})
    CHECK(contains(kept.bytes, text));
  CHECK_FALSE(contains(kept.bytes, "EOS"));
  CHECK_FALSE(contains(kept.bytes, "a note"));
  const auto nothing = write_exif(false, {{field(0x0110, "EOS 40D")}, {}, {}});
  CHECK(select_exif(nothing, metadata_selection::copyright).bytes.empty());
  CHECK(select_exif(orientation_exif(6), metadata_selection::copyright).bytes.empty());
}

TEST_CASE("a density is read in inches and centimetres, and 0 is none") {
  const auto density = [](std::uint32_t value, std::uint32_t divisor, std::uint8_t unit) {
    byte_vector rational(8);
    darkroom::base::write_u32_be(rational.data(), value);
    darkroom::base::write_u32_be(rational.data() + 4, divisor);
    return exif_density(write_exif(
        true,
        {{{0x011a, 5, 1, rational}, {0x011b, 5, 1, rational}, {0x0128, 3, 1, {0, unit}}}, {}, {}}));
  };
  REQUIRE(density(300, 1, 2));
  CHECK(density(300, 1, 2)->x == 11'811);
  CHECK(density(3'000, 10, 2)->y == 11'811);
  CHECK(density(118, 1, 3)->x == 11'800);
  for (const auto& none : {density(0, 1, 2), density(300, 0, 2), density(300, 1, 1)})
    CHECK_FALSE(none);
  CHECK_FALSE(exif_density({}));
  const auto written = exif_density(density_exif({11'811, 5'906, true}));
  REQUIRE(written);
  CHECK(written->x == 11'811);
  CHECK(written->y == 5'906);
}
