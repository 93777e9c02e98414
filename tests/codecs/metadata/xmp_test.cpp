#include "codecs/metadata/xmp.hpp"
#include "codecs/metadata/xmp_properties.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>

using namespace darkroom::codecs;

namespace {

byte_vector bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

// A packet with these attributes and children of its one description.
std::string packet_text(const std::string& attributes, const std::string& children = {}) {
  return R"(<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Editor 1">)"
         R"(<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description )"
         R"(xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" )"
         R"(xmlns:dc="http://purl.org/dc/elements/1.1/" )"
         R"(xmlns:ps="http://ns.adobe.com/photoshop/1.0/" )"
         R"(xmlns:core="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" )"
         R"(xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" )"
         R"(xmlns:Container="http://ns.google.com/photos/1.0/container/" )"
         R"(xmlns:Item="http://ns.google.com/photos/1.0/container/item/" )"
         R"(xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" )"
         R"(xmlns:own="http://example.org/own/" )" +
         attributes + ">" + children + "</rdf:Description></rdf:RDF></x:xmpmeta>";
}

xmp_packet packet(const std::string& attributes, const std::string& children = {}) {
  auto parsed = parse_xmp(bytes(packet_text(attributes, children)));
  REQUIRE(parsed);
  return std::move(*parsed);
}

std::string text_of(xmp_packet& p, std::string_view uri, std::string_view name) {
  const auto* node = p.find(uri, name);
  return node == nullptr ? "(none)" : node->text;
}

std::string written(const xmp_packet& p) {
  const auto made = write_xmp(p);
  return {made.begin(), made.end()};
}

} // namespace

TEST_CASE("what XMP says of the pixels is changed, as attribute and as element") {
  const xmp_changes to{.orientation = 1, .width = 30, .height = 4'000, .srgb = true};
  for (auto p : {packet(R"(tiff:Orientation="6" tiff:ImageWidth = '9' tiff:ImageLength="8"
                           exif:PixelXDimension="1" exif:PixelYDimension="2"
                           exif:ColorSpace="65535")"),
                 packet("", "<tiff:Orientation>6</tiff:Orientation><tiff:ImageWidth/>"
                            "<tiff:ImageLength\n>9</tiff:ImageLength>"
                            "<exif:PixelXDimension>1</exif:PixelXDimension>"
                            "<exif:PixelYDimension>1</exif:PixelYDimension>"
                            "<exif:ColorSpace>65535</exif:ColorSpace>")}) {
    CHECK(change_xmp(p, to));
    CHECK(text_of(p, xmp_uri::tiff, "Orientation") == "1");
    CHECK(text_of(p, xmp_uri::tiff, "ImageWidth") == "30");
    CHECK(text_of(p, xmp_uri::tiff, "ImageLength") == "4000");
    CHECK(text_of(p, xmp_uri::exif, "PixelXDimension") == "30");
    CHECK(text_of(p, xmp_uri::exif, "PixelYDimension") == "4000");
    CHECK(text_of(p, xmp_uri::exif, "ColorSpace") == "1");
    CHECK_FALSE(change_xmp(p, to)); // all is as it should be
  }
}

TEST_CASE("properties that are not there are not added, others are not touched") {
  auto p = packet(R"(own:Orientation="6" dc:format="image/jpeg")");
  const auto before = written(p);
  CHECK_FALSE(change_xmp(p, {.orientation = 1, .width = 3, .height = 4, .srgb = true}));
  CHECK(written(p) == before);
}

TEST_CASE("XMP does not promise what is gone") {
  const std::string directory =
      R"(<Container:Directory><rdf:Seq>)"
      R"(<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>)"
      R"(<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Length="77"/></rdf:li>)"
      R"(<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="MotionPhoto" Item:Length="99"/></rdf:li>)"
      R"(</rdf:Seq></Container:Directory>)";
  const std::string attributes =
      R"(hdrgm:Version="1.0" GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" )"
      R"(GCamera:MicroVideo="1" GCamera:MicroVideoOffset="99" GCamera:SpecialTypeID="x")";
  auto p = packet(attributes, directory);
  CHECK(promises_video(p));
  auto with_map = p;
  CHECK(change_xmp(with_map, {.video_gone = true}));
  auto text = written(with_map);
  for (const auto* kept : {"hdrgm:Version", "GainMap", "Item:Length>77<", "SpecialTypeID"})
    CHECK(text.find(kept) != std::string::npos);
  for (const auto* gone : {"GCamera:MotionPhoto", "Semantic>MotionPhoto", "MicroVideo", ">99<"})
    CHECK(text.find(gone) == std::string::npos);
  CHECK_FALSE(promises_video(with_map));

  CHECK(change_xmp(p, {.gain_map_gone = true, .video_gone = true}));
  text = written(p);
  for (const auto* gone : {"hdrgm", "Container", "GainMap", "Primary"})
    CHECK(text.find(gone) == std::string::npos);
  CHECK(text.find("SpecialTypeID") != std::string::npos);
}

TEST_CASE("only what is known to contain no location is kept, member by member") {
  auto p = packet(
      R"(exif:GPSLatitude="21,39.468S" ps:City="Quillagua" own:Note="Quillagua" ps:Headline="Desert")"
      R"( dc:coverage="Quillagua" exif:ExposureTime="1/250")",
      R"(<dc:rights><rdf:Alt><rdf:li xml:lang="de-CH">(c) Ann</rdf:li></rdf:Alt></dc:rights>)"
      R"(<core:CreatorContactInfo rdf:parseType="Resource"><core:CiAdrCity>Quillagua</core:CiAdrCity>)"
      R"(<core:CiEmailWork>a@b.c</core:CiEmailWork></core:CreatorContactInfo>)"
      R"(<dc:title rdf:parseType="Resource"><rdf:value>T</rdf:value><own:q>Quillagua</own:q></dc:title>)");
  const auto removed = select_xmp(p, metadata_selection::without_location);
  CHECK(removed.location);
  CHECK(removed.other);
  const auto text = written(p);
  CHECK(text.find("Quillagua") == std::string::npos);
  CHECK(text.find("21,39") == std::string::npos);
  CHECK(text.find("Editor 1") == std::string::npos);
  for (const auto* kept :
       {"Desert", "1/250", "(c) Ann", "xml:lang=\"de-CH\"", "a@b.c", "dc:title=\"T\""})
    CHECK(text.find(kept) != std::string::npos);
}

TEST_CASE("a place hides in no prefix, language or description") {
  auto p = parse_xmp(bytes(
      R"(<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description )"
      R"(xmlns:Quillagua="http://purl.org/dc/elements/1.1/" rdf:about="Quillagua">)"
      R"(<Quillagua:title><rdf:Alt><rdf:li xml:lang="in Quillagua">T</rdf:li></rdf:Alt></Quillagua:title>)"
      R"(</rdf:Description></rdf:RDF>)"));
  REQUIRE(p);
  select_xmp(*p, metadata_selection::without_location);
  CHECK(written(*p).find("Quillagua") == std::string::npos);
  CHECK(written(*p).find("<dc:title>") != std::string::npos);
}

TEST_CASE("a name tells whether a place is what it means") {
  for (const auto* name : {"GPSLatitude", "GpsLongitude", "City", "CountryCode", "LocationShown",
                           "CiAdrRegion", "coverage", "lat", "long", "lat_long"})
    CHECK(names_location(name));
  for (const auto* name : {"ISOSpeedLatitudeyyy", "title", "longDescription", "flat", "Rating"})
    CHECK_FALSE(names_location(name));
}

TEST_CASE("what the copyright policy keeps contains no location, but for addresses") {
  for (const auto& row : xmp_property_table()) {
    std::string words{row.copyright};
    for (std::size_t at = 0; at < words.size();) {
      const auto end = std::min(words.find(' ', at), words.size());
      const auto name = words.substr(at, end - at);
      INFO(row.prefix << ':' << name);
      CHECK(((' ' + std::string{row.harmless} + ' ').find(' ' + name + ' ') != std::string::npos) !=
            names_location(name));
      at = end + 1;
    }
  }
}

TEST_CASE("the copyright policy keeps creator, rights, credit, contact and licence") {
  auto p = packet(
      R"(ps:Credit="Agency" ps:Headline="Desert" exif:ExposureTime="1/250")",
      R"(<dc:creator><rdf:Seq><rdf:li>Ann</rdf:li></rdf:Seq></dc:creator>)"
      R"(<core:CreatorContactInfo core:CiAdrCity="Bern" core:CiEmailWork="a@b.c"/>)"
      R"(<xmpRights:UsageTerms xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/">CC BY</xmpRights:UsageTerms>)");
  select_xmp(p, metadata_selection::copyright);
  const auto text = written(p);
  for (const auto* kept : {"Agency", "Ann", "Bern", "a@b.c", "CC BY"})
    CHECK(text.find(kept) != std::string::npos);
  for (const auto* gone : {"Desert", "1/250"})
    CHECK(text.find(gone) == std::string::npos);
}

TEST_CASE("properties are added where there are none, and never replaced") {
  auto p = packet(R"(ps:Credit="Agency")",
                  R"(<dc:creator><rdf:Seq><rdf:li>Ann</rdf:li></rdf:Seq></dc:creator>)");
  CHECK(add_text(p, xmp_uri::photoshop, "Credit", "Agency"));
  CHECK_FALSE(add_text(p, xmp_uri::photoshop, "Credit", "Other"));
  CHECK(add_list(p, xmp_uri::dc, "creator", xmp_node::form::seq, {"Ann"}));
  CHECK_FALSE(add_list(p, xmp_uri::dc, "creator", xmp_node::form::seq, {"Ann", "Ben"}));
  CHECK(add_language_alternative(p, xmp_uri::dc, "title", "A < B & \"C\""));
  const auto again = parse_xmp(write_xmp(p));
  REQUIRE(again);
  auto copy = *again;
  REQUIRE(copy.find(xmp_uri::dc, "title") != nullptr);
  const auto& title = copy.find(xmp_uri::dc, "title")->children.at(0);
  CHECK(title.text == "A < B & \"C\"");
  CHECK(title.language == "x-default");
}
