#include "codecs/metadata/iptc.hpp"

#include "codecs/metadata/text_encoding.hpp"
#include "codecs/metadata/texts.hpp"
#include "codecs/metadata/xmp.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>
#include <string_view>

using namespace darkroom::codecs;
using namespace std::string_view_literals;
using namespace std::string_literals;

namespace {

std::string dataset(int record, int number, std::string_view value) {
  return {std::string{'\x1c', static_cast<char>(record), static_cast<char>(number),
                      static_cast<char>(value.size() >> 8), static_cast<char>(value.size())} +
          std::string{value}};
}

std::string resource(int id, std::string_view data, std::string_view name = {}) {
  std::string out = "8BIM";
  out += static_cast<char>(id >> 8);
  out += static_cast<char>(id);
  out += static_cast<char>(name.size());
  out += name;
  if (out.size() % 2 != 0) out += '\0';
  for (const unsigned shift : {24u, 16u, 8u, 0u})
    out += static_cast<char>(data.size() >> shift);
  out += data;
  if (data.size() % 2 != 0) out += '\0';
  return out;
}

byte_vector bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

bool contains(const byte_vector& where, std::string_view text) {
  return as_text(where).find(text) != std::string_view::npos;
}

const std::string record = dataset(1, 90, "\x1b%G") + dataset(2, 80, "Ann") +
                           dataset(2, 90, "Quillagua") + dataset(2, 116, "(c) Ann") +
                           dataset(2, 120, "D\xc3\xbcne") + dataset(2, 25, "sand") +
                           dataset(2, 25, "sky") + dataset(2, 232, "Quillagua");

} // namespace

TEST_CASE("of Photoshop's resources the IPTC record and the copyright are kept") {
  const auto all = resource(0x0425, "digest") + resource(0x0404, record, "named") +
                   resource(0x0409, "thumbnail") + resource(0x040a, "\1"sv) +
                   resource(0x040b, "http://ann.example");
  const auto kept = kept_resources(bytes(all));
  CHECK(contains(kept, record));
  CHECK(contains(kept, "http://ann.example"));
  for (const auto* gone : {"digest", "thumbnail", "named"})
    CHECK_FALSE(contains(kept, gone));
  CHECK(kept_resources(kept) == kept);
  CHECK(kept_resources(bytes(resource(0x0425, "digest"))).empty());
  CHECK(as_resource(bytes(record)) == bytes(resource(0x0404, record)));
}

TEST_CASE("datasets that tell a place, or are not known, are left out") {
  const auto kept =
      select_iptc(bytes(resource(0x0404, record)), metadata_selection::without_location);
  CHECK(kept.location_removed);
  CHECK(kept.other_removed);
  CHECK_FALSE(contains(kept.resources, "Quillagua"));
  for (const auto* there : {"\x1b%G", "Ann", "(c) Ann", "D\xc3\xbcne", "sand"})
    CHECK(contains(kept.resources, there));
  for (const int place : {26, 27, 90, 92, 95, 100, 101}) {
    const auto alone = bytes(resource(0x0404, dataset(2, place, "x")));
    CHECK(iptc_has_location(alone));
    CHECK(select_iptc(alone, metadata_selection::without_location).resources.empty());
  }
}

TEST_CASE("a contact, which may be an address, and the envelope go with the place") {
  const auto all = bytes(resource(0x0404, dataset(1, 5, "Bern") + dataset(2, 118, "Ann, Bern") +
                                              dataset(2, 80, "Ann")));
  const auto kept = select_iptc(all, metadata_selection::without_location);
  CHECK(kept.other_removed);
  CHECK_FALSE(contains(kept.resources, "Bern"));
  CHECK(contains(select_iptc(all, metadata_selection::copyright).resources, "Ann, Bern"));
}

TEST_CASE("keywords without number cost no time") {
  std::string many;
  for (int i = 0; i < 100'000; ++i)
    many += dataset(2, 25, "b" + std::to_string(i));
  xmp_packet packet;
  add_iptc_to_xmp(bytes(resource(0x0404, many)), packet);
  CHECK(packet.find(xmp_uri::dc, "subject")->children.size() == 1'000);
}

TEST_CASE("a language is a language, and nothing else") {
  for (const auto* tag : {"en", "de-CH", "zh-Hans", "zh-Hant-TW", "es-419", "x-default", "gsw"})
    CHECK(is_language_tag(tag));
  for (const auto* no : {"", "x", "Berlin", "de-Berlin", "x-Berlin", "de-CH-1996", "en_US",
                         "in Bern", "de-CH-", "52"})
    CHECK_FALSE(is_language_tag(no));
}

TEST_CASE("texts become UTF-8 that XML can hold, in one pass") {
  CHECK(utf8_for_xml("a\1b\tc\xef\xbf\xbe"
                     "d") == "ab\tcd");
  CHECK(utf8_for_xml("\xfc") == "\xc3\xbc");
  std::string many;
  for (int i = 0; i < 1'000'000; ++i)
    many += "\xef\xbf\xbf";
  CHECK(utf8_for_xml(many).empty());
  for (const auto* bad : {"\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80", "\xe2\x82"})
    CHECK_FALSE(is_utf8(bad));
  CHECK(is_utf8("\xf0\x9f\x98\x80"));
}

TEST_CASE("the copyright policy keeps by-line, credit, source, copyright and contact") {
  const auto kept = select_iptc(bytes(resource(0x0404, record)), metadata_selection::copyright);
  for (const auto* there : {"\x1b%G", "Ann", "(c) Ann"})
    CHECK(contains(kept.resources, there));
  for (const auto* gone : {"Quillagua", "D\xc3\xbcne", "sand"})
    CHECK_FALSE(contains(kept.resources, gone));
}

TEST_CASE("what XMP has a property for is added to it, in UTF-8") {
  xmp_packet packet;
  add_iptc_to_xmp(bytes(resource(0x0404, record)), packet);
  REQUIRE(packet.find(xmp_uri::dc, "creator") != nullptr);
  CHECK(packet.find(xmp_uri::dc, "creator")->children.at(0).text == "Ann");
  CHECK(packet.find(xmp_uri::dc, "rights")->children.at(0).text == "(c) Ann");
  CHECK(packet.find(xmp_uri::dc, "description")->children.at(0).text == "D\xc3\xbcne");
  CHECK(packet.find(xmp_uri::dc, "subject")->children.size() == 2);
  CHECK(packet.find(xmp_uri::photoshop, "City")->text == "Quillagua");
  xmp_packet latin;
  add_iptc_to_xmp(bytes(resource(0x0404, dataset(2, 105, "D\xfcne\1"))), latin);
  CHECK(latin.find(xmp_uri::photoshop, "Headline")->text == "D\xc3\xbcne");
  xmp_packet theirs;
  add_text(theirs, xmp_uri::photoshop, "City", "Bern");
  add_iptc_to_xmp(bytes(resource(0x0404, record)), theirs);
  CHECK(theirs.find(xmp_uri::photoshop, "City")->text == "Bern");
}

TEST_CASE("no record, however broken, is read outside of itself") {
  const auto whole = resource(0x0404, record + "\x1c\x02\x78\x80\x04\0\0\0\x01x"s);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char value : {'\0', '\1', '\x7f', '\xff'}) {
      auto broken = whole;
      broken[at] = value;
      xmp_packet packet;
      add_iptc_to_xmp(bytes(broken), packet);
      (void)select_iptc(bytes(broken), metadata_selection::without_location);
      (void)kept_resources(bytes(broken));
    }
    (void)iptc_has_location(bytes(whole.substr(0, at)));
    (void)iim_has_location(bytes(whole.substr(0, at)));
  }
  SUCCEED("the sanitizers watch this one");
}

TEST_CASE("texts of a PNG become properties of XMP where there are some") {
  xmp_packet packet;
  CHECK(add_text_to_xmp({"Title", "Dunes"}, packet));
  CHECK(add_text_to_xmp({"Author", "Ann\xfc"}, packet));
  CHECK(add_text_to_xmp({"Creation Time", "2026:11:28 10:00:00"}, packet));
  CHECK_FALSE(add_text_to_xmp({"Creation Time", "last summer"}, packet));
  CHECK_FALSE(add_text_to_xmp({"Title", "Other"}, packet));
  CHECK_FALSE(add_text_to_xmp({"Disclaimer", "x"}, packet));
  CHECK_FALSE(add_text_to_xmp({"exif:GPSLatitude", "x"}, packet));
  CHECK(packet.find(xmp_uri::dc, "creator")->children.at(0).text == "Ann\xc3\xbc");
  CHECK(packet.find(xmp_uri::photoshop, "DateCreated")->text == "2026-11-28T10:00:00");
}

TEST_CASE("of texts only those with a registered keyword outlast a policy") {
  const std::vector<text_entry> all{{"Title", "T"},
                                    {"Author", "A"},
                                    {"Copyright", "C"},
                                    {"exif:GPSLatitude", "21"},
                                    {"Raw profile type foo", "x"}};
  auto texts = all;
  CHECK(select_texts(texts, metadata_selection::without_location));
  CHECK(texts.size() == 3);
  std::vector<text_entry> spoken{{"Comment", "x", true, "Berlin 52.52", "Ort"}};
  select_texts(spoken, metadata_selection::without_location);
  CHECK(spoken[0].language.empty());
  CHECK(spoken[0].translated_keyword.empty());
  CHECK(select_texts(texts, metadata_selection::copyright));
  CHECK(texts.size() == 2);
  CHECK_FALSE(select_texts(texts, metadata_selection::copyright));
}
