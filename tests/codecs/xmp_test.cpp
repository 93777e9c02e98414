#include "codecs/xmp.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>

using namespace darkroom::codecs;

namespace {

byte_vector bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

std::string changed(const std::string& packet, const xmp_changes& changes) {
  const auto made = change_xmp(bytes(packet), changes);
  return {made.begin(), made.end()};
}

const std::string tiff = R"(xmlns:tiff="http://ns.adobe.com/tiff/1.0/")";
const std::string exif = R"(xmlns:exif='http://ns.adobe.com/exif/1.0/')";

} // namespace

TEST_CASE("what XMP says of the pixels is changed, as attribute and as element") {
  const xmp_changes to{.orientation = 1, .width = 30, .height = 4'000, .srgb = true};
  CHECK(changed("<d " + tiff + R"( tiff:Orientation="6" tiff:ImageWidth = '9'/>)", to) ==
        "<d " + tiff + R"( tiff:Orientation="1" tiff:ImageWidth = '30'/>)");
  CHECK(changed("<d " + tiff +
                    "><tiff:Orientation>8</tiff:Orientation>"
                    "<tiff:ImageLength\n>9</tiff:ImageLength></d>",
                to) == "<d " + tiff +
                           "><tiff:Orientation>1</tiff:Orientation>"
                           "<tiff:ImageLength\n>4000</tiff:ImageLength></d>");
  CHECK(
      changed("<d " + exif +
                  R"( exif:PixelXDimension="1" exif:PixelYDimension="2" exif:ColorSpace="65535"/>)",
              to) ==
      "<d " + exif +
          R"( exif:PixelXDimension="30" exif:PixelYDimension="4000" exif:ColorSpace="1"/>)");
}

TEST_CASE("the prefix is what the packet binds, however often") {
  const std::string packet = R"(<a xmlns:q="http://ns.adobe.com/tiff/1.0/" q:Orientation="6"/>)"
                             R"(<b xmlns:t2 = "http://ns.adobe.com/tiff/1.0/" t2:Orientation="3"/>)"
                             R"(<c xmlns:tiff="http://example.org/" tiff:Orientation="5"/>)";
  CHECK(changed(packet, {.orientation = 1}) ==
        R"(<a xmlns:q="http://ns.adobe.com/tiff/1.0/" q:Orientation="1"/>)"
        R"(<b xmlns:t2 = "http://ns.adobe.com/tiff/1.0/" t2:Orientation="1"/>)"
        R"(<c xmlns:tiff="http://example.org/" tiff:Orientation="5"/>)");
}

TEST_CASE("nothing else of a packet changes, however broken it is") {
  const xmp_changes to{.orientation = 1, .width = 3, .height = 4, .srgb = true};
  for (const auto& packet :
       {std::string{}, std::string{"<x/>"}, "<d " + tiff + " xtiff:Orientation=\"6\"/>",
        "<d " + tiff + " tiff:OrientationX=\"6\"/>", "<d " + tiff + " tiff:Orientation/>",
        "<d " + tiff + " tiff:Orientation=\"6", "<d " + tiff + "><tiff:Orientation>6",
        "<d " + tiff + "><tiff:Orientation", "<d " + tiff + "><tiff:Orientation/><b>6</b>",
        "<d " + tiff + "/>" + std::string("\0\xff", 2)})
    CHECK(changed(packet, to) == packet);
  const auto whole =
      "<d " + tiff + R"( tiff:Orientation="6"><tiff:ImageWidth>9</tiff:ImageWidth></d>)";
  for (std::size_t cut = 0; cut < whole.size(); ++cut)
    (void)changed(whole.substr(0, cut), to);
  CHECK(changed(whole, {}) == whole);
}

TEST_CASE("XMP that tells a place is recognised") {
  CHECK(xmp_has_location(bytes("<exif:GPSLatitude>48</exif:GPSLatitude>")));
  CHECK_FALSE(xmp_has_location(bytes("<dc:title/>")));
}
