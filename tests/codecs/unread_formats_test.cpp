#include "codecs/unread_formats.hpp"

#include "pictures.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace std::string_literals;

namespace {

std::span<const std::uint8_t> head_of(const std::string& content) {
  return {reinterpret_cast<const std::uint8_t*>(content.data()), content.size()};
}

std::string label(const std::string& content) {
  return std::string{unread_format_label(head_of(content))};
}

// The begin of an ISO base media file.
std::string boxed(const std::string& major, const std::string& compatible = "") {
  const auto size = static_cast<char>(16 + compatible.size());
  return "\0\0\0"s + size + "ftyp" + major + "\0\0\0\0"s + compatible + "\0\0\0\x08mdat"s;
}

} // namespace

TEST_CASE("what is no image, or too short to be one, has no format") {
  for (const auto& content : {""s,
                              "I"s,
                              "II*"s,
                              "\0"s,
                              "BM"s,
                              "BMX-Protokoll vom Montag"s,
                              "P1 release notes"s,
                              "Plan"s,
                              "<?xml version=\"1.0\"?><html><svg/></html>"s,
                              "<!DOCTYPE svg"s,
                              "<?xpacket begin=''?><x:xmpmeta/>"s,
                              "<!-- never ends"s,
                              "<svgfoo>"s,
                              "\xd0\xcf\x11\xe0"s,
                              "\0\0\1\0"s,
                              "\0\0\1\xba"s,
                              "%PDF-1.7"s,
                              "ID3\3"s,
                              "\nline"s,
                              "\0\0\0\x10"s + "ftyp"s,
                              boxed("qt  "),
                              boxed("isom", "mp41"),
                              boxed("mp42", "mif1heic"),
                              boxed("M4A ")}) {
    INFO(content);
    CHECK(label(content).empty());
  }
}

TEST_CASE("images that no codec reads are told by their bytes") {
  const std::pair<std::string, std::string> rows[] = {
      {boxed("heic", "mif1heic"), "HEIC (Apple photo)"},
      {boxed("heix"), "HEIC (Apple photo)"},
      {boxed("mif1", "mif1heic"), "HEIC (Apple photo)"},
      {boxed("mif1", "mif1avif"), "AVIF"},
      {boxed("mif1", "miaf"), "HEIF"},
      {boxed("msf1", "iso8"), "HEIF sequence"},
      {boxed("avif", "mif1"), "AVIF"},
      {boxed("avis"), "AVIF sequence"},
      {boxed("crx "), "CR3 (Canon raw)"},
      {"GIF89a....", "GIF"},
      {"II*\0\x10\0\0\0CR\2\0"s, "CR2 (Canon raw)"},
      {"II*\0\x08\0\0\0"s, "TIFF or a camera's raw image (DNG, NEF, ARW)"},
      {"MM\0*\0\0\0\x08"s, "TIFF or a camera's raw image (DNG, NEF, ARW)"},
      {"IIU\0\x18\0\0\0"s, "RW2 (Panasonic raw)"},
      {"IIRO\x08\0\0\0"s, "ORF (Olympus raw)"},
      {"FUJIFILMCCD-RAW 0201", "RAF (Fujifilm raw)"},
      {"\xff\x0a\xfa", "JPEG XL"},
      {"\0\0\0\x0cJXL \r\n\x87\n"s, "JPEG XL"},
      {"\0\0\0\x0cjP  \r\n\x87\n"s, "JPEG 2000"},
      {"\xff\x4f\xff\x51", "JPEG 2000"},
      {"BM1234\0\0\0\0\x36\0\0\0\x28\0\0\0"s, "BMP"},
      {"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0"s, "ICO (Windows icon)"},
      {"8BPS\0\1"s, "PSD (Photoshop)"},
      {"\x76\x2f\x31\x01", "OpenEXR"},
      {"P6\n640 480\n255\n", "Netpbm"},
      {std::string(128, '\0') + "DICM", "DICOM"},
      {"<svg xmlns=\"http://www.w3.org/2000/svg\">", "SVG"},
      {"\xef\xbb\xbf <?xml version=\"1.0\"?>\n<!-- <html> --><!DOCTYPE svg [<!ENTITY a \"b\">]>\n"
       "<svg:svg>",
       "SVG"},
      {"<svg/>", "SVG"}};
  for (const auto& [content, name] : rows) {
    INFO(name);
    CHECK(label(content) == name);
    CHECK(is_image(head_of(content)));
  }
}

TEST_CASE("what can be decoded is an image and no unread format") {
  for (const auto& row : formats()) {
    if (row.sample.empty()) continue;
    CHECK(unread_format_label(row.sample).empty());
    CHECK(is_image(row.sample));
  }
}

TEST_CASE("a name that ends as those of images do") {
  for (const auto* name : {"a.jpg", "a/b.JPEG", "x.heic", "IMG.CR2", "a.b.tiff", "photo.webp"})
    CHECK(has_image_extension(name));
  for (const auto* name : {"", "jpg", "Thumbs.db", "a.xmp", "a.mov", "a.jpg.txt", "a.", "a.jpg/b"})
    CHECK_FALSE(has_image_extension(name));
}

TEST_CASE("the failure of an image that no codec reads names its format") {
  const auto done = tests::probed(boxed("heic", "mif1heic"));
  REQUIRE_FALSE(done);
  CHECK(done.error().reason == domain::failure_reason::unsupported_format);
  CHECK(done.error().detail.starts_with("HEIC (Apple photo) cannot be read by this version"));
}
