#include "codecs/metadata/xmp_packet.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace std::string_view_literals;

namespace {

constexpr auto own = "http://example.org/own/"sv;

std::string text_with(std::string_view description) {
  std::string text = R"(<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>)"
                     R"(<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF )"
                     R"(xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">)";
  text += description;
  return text + "</rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>";
}

std::string description(std::string_view children, std::string_view attributes = {}) {
  return R"(<rdf:Description xmlns:o="http://example.org/own/" rdf:about="" )" +
         std::string{attributes} + ">" + std::string{children} + "</rdf:Description>";
}

std::optional<xmp_packet> parsed(std::string_view text) {
  return parse_xmp({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

// What a node says, on one line.
std::string print(const xmp_node& node) {
  constexpr std::string_view marks[] = {"", "@", "{}", "bag", "seq", "alt"};
  std::string out = node.name + std::string{marks[static_cast<std::size_t>(node.kind)]};
  if (!node.language.empty()) out += '/' + node.language;
  if (!node.text.empty()) out += '=' + node.text;
  if (!node.children.empty()) {
    out += '(';
    for (const auto& child : node.children)
      out += print(child) + ' ';
    out.back() = ')';
  }
  for (const auto& qualifier : node.qualifiers)
    out += '?' + print(qualifier);
  return out;
}

std::string print(const std::optional<xmp_packet>& packet) {
  if (!packet) return "unreadable";
  std::string out;
  for (const auto& p : packet->properties)
    out += print(p) + ';';
  return out;
}

// The text in an encoding of `unit` bytes a character; ASCII only.
std::string widened(std::string_view text, std::size_t unit, bool big) {
  std::string out;
  for (const char c : text) {
    std::string one(unit, '\0');
    one[big ? unit - 1 : 0] = c;
    out += one;
  }
  return out;
}

} // namespace

TEST_CASE("the forms of RDF that XMP has are read, and written so that they read the same") {
  struct row {
    std::string_view children, attributes, expected;
  };
  const row rows[] = {
      {"<o:a>1</o:a>", "", "a=1;"},
      {"", "o:a='1' o:b='2'", "a=1;b=2;"},
      {"<o:a/>", "", "a;"},
      {"<o:a rdf:resource='http://x.y'/>", "", "a@=http://x.y;"},
      {"<o:a xml:lang='de'>1</o:a>", "", "a/de=1;"},
      {"<o:a><rdf:Bag><rdf:li>1</rdf:li><rdf:li>2</rdf:li></rdf:Bag></o:a>", "", "abag(=1 =2);"},
      {"<o:a><rdf:Seq/></o:a>", "", "aseq;"},
      {"<o:a><rdf:Alt><rdf:li xml:lang='x-default'>1</rdf:li></rdf:Alt></o:a>", "",
       "aalt(/x-default=1);"},
      {"<o:a rdf:parseType='Resource'><o:b>1</o:b><o:c>2</o:c></o:a>", "", "a{}(b=1 c=2);"},
      {"<o:a><rdf:Description><o:b>1</o:b></rdf:Description></o:a>", "", "a{}(b=1);"},
      {"<o:a><rdf:Description o:b='1' o:c='2'/></o:a>", "", "a{}(b=1 c=2);"},
      {"<o:a o:b='1'/>", "", "a{}(b=1);"},
      {"<o:a rdf:parseType='Resource'><rdf:value>1</rdf:value><o:q>2</o:q></o:a>", "", "a=1?q=2;"},
      {"<o:a rdf:value='1' o:q='2'/>", "", "a=1?q=2;"},
      {"<o:a rdf:parseType='Resource'><rdf:value rdf:value='1' o:q='2'/><o:r>3</o:r></o:a>", "",
       "a=1?q=2?r=3;"},
      {"", "o:about='mine'", "about=mine;"},
      {"<o:a>1</o:a><o:a>2</o:a>", "", "a=1;a=2;"},
      {"<o:a><rdf:Bag><rdf:li rdf:parseType='Resource'><o:b>1</o:b></rdf:li></rdf:Bag></o:a>", "",
       "abag({}(b=1));"},
      {"<o:a>&lt;&amp;&gt;&#10;&#x1F600;</o:a>", "", "a=<&>\n\xf0\x9f\x98\x80;"},
  };
  for (const auto& r : rows) {
    INFO(r.children << r.attributes);
    const auto packet = parsed(text_with(description(r.children, r.attributes)));
    CHECK(print(packet) == r.expected);
    REQUIRE(packet);
    const auto again = parse_xmp(write_xmp(*packet));
    CHECK(print(again) == r.expected);
    REQUIRE(again);
    for (const auto& p : again->properties)
      CHECK(again->uri_of(p) == own);
  }
}

TEST_CASE("several descriptions are one packet; what wrote it is kept") {
  auto text = text_with(description("<o:a>1</o:a>") + description("", "o:b='2'"));
  text.replace(text.find("xmlns:x="), 0, "x:xmptk=\"Editor\" ");
  const auto packet = parsed(text);
  CHECK(print(packet) == "a=1;b=2;");
  CHECK(parse_xmp(write_xmp(*packet))->toolkit == "Editor");
}

TEST_CASE("one prefix for two namespaces, and none, are written apart") {
  const auto packet =
      parsed(text_with(R"(<rdf:Description xmlns:o="http://a/" o:x="1"/>)"
                       R"(<rdf:Description xmlns:o="http://b/" o:x="2"/>)"
                       R"(<rdf:Description><x xmlns="http://c/">3</x></rdf:Description>)"));
  REQUIRE(packet);
  const auto again = parse_xmp(write_xmp(*packet));
  REQUIRE(again);
  REQUIRE(again->properties.size() == 3);
  CHECK(again->uri_of(again->properties[0]) == "http://a/");
  CHECK(again->uri_of(again->properties[1]) == "http://b/");
  CHECK(again->uri_of(again->properties[2]) == "http://c/");
}

TEST_CASE("a packet is read in every encoding that XMP may have") {
  const auto text = text_with(description("<o:a>1</o:a>"));
  for (const std::size_t unit : {1u, 2u, 4u})
    for (const bool big : {false, true})
      for (const auto padding : {"", "   \n", "\0\0\0"}) {
        INFO(unit << " bytes a character, big endian " << big);
        CHECK(print(parsed(widened(text + padding, unit, big))) == "a=1;");
        CHECK(print(parsed(widened(text, unit, big) + std::string(8, '\0'))) == "a=1;");
      }
  CHECK(print(parsed("\xff\xfe" + widened(text, 2, false))) == "a=1;");
  CHECK(print(parsed("\xfe\xff" + widened(text, 2, true))) == "a=1;");
  CHECK(print(parsed("\xef\xbb\xbf" + text)) == "a=1;");
}

TEST_CASE("what is no packet is not read") {
  const auto good = description("<o:a>1</o:a>");
  std::string deep, many, attributes, spaces;
  for (int i = 0; i < 40'000; ++i)
    attributes += " o:a" + std::to_string(i) + "='1'";
  for (int i = 0; i < 300; ++i) {
    const auto n = std::to_string(i);
    spaces += " xmlns:s" + n + "='http://s/" + n + "' s" + n + ":a='1'";
  }
  for (int i = 0; i < 70; ++i)
    deep += "<o:a rdf:parseType='Resource'>";
  for (int i = 0; i < 70; ++i)
    deep += "</o:a>";
  for (int i = 0; i < 40'000; ++i)
    many += "<o:a/>";
  const std::string bad[] = {
      "",
      "no XML",
      "<x/>",
      text_with(good).substr(0, 200),
      text_with("<o:a>1</o:a>"), // an unbound prefix
      text_with("<Typed xmlns='http://a/'/>"),
      text_with(description("<nameless>1</nameless>")),
      text_with(description("<xml:name>1</xml:name>")),
      text_with(description("<o:a rdf:parseType='Literal'><b/></o:a>")),
      text_with(description("<o:a><o:b/><o:c/></o:a>")),
      text_with(description("<o:a><rdf:Bag><o:b/></rdf:Bag></o:a>")),
      "<!DOCTYPE a [<!ENTITY b \"c\">]>" + text_with(good),
      text_with(description(deep)),
      text_with(description(many)),
      text_with(description("", attributes)),
      text_with(description("", spaces)),
      text_with(description("<o:a>\xff</o:a>")),
  };
  for (const auto& text : bad) {
    INFO(text.substr(0, 400));
    CHECK(print(parsed(text)) == "unreadable");
  }
}

TEST_CASE("a packet that ends anywhere is no packet, and reads nothing outside of itself") {
  const auto text = text_with(description("<o:a><rdf:Bag><rdf:li>1</rdf:li></rdf:Bag></o:a>"));
  const auto whole = text.find("<?xpacket end");
  for (std::size_t size = 0; size < whole; ++size)
    CHECK_FALSE(parsed(std::string_view(text).substr(0, size)));
}
