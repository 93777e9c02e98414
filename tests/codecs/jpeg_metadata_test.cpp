#include "codecs/jpeg_metadata.hpp"

#include "codecs/limits.hpp"
#include "pictures.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace darkroom::tests;
using domain::loss;

namespace {

// A JPEG marker with its length.
std::string marker(int app, const std::string& content) {
  const auto size = content.size() + 2;
  const std::string head{'\xff', static_cast<char>(0xe0 + app), static_cast<char>(size >> 8),
                         static_cast<char>(size)};
  return head + content;
}

std::string icc_piece(int number, int count, const std::string& bytes) {
  return marker(2, std::string("ICC_PROFILE\0", 12) + static_cast<char>(number) +
                       static_cast<char>(count) + bytes);
}

std::string xmp_marker(const std::string& packet) {
  return marker(1, std::string("http://ns.adobe.com/xap/1.0/\0", 29) + packet);
}

// A small photo with these markers behind its begin.
std::string photo_with(const std::string& markers) {
  auto file = encoded("jpeg", gradient(pixel_layout::rgb, 16, 16));
  return file.insert(2, markers);
}

std::string as_text(const byte_vector& bytes) {
  return {bytes.begin(), bytes.end()};
}

} // namespace

TEST_CASE("a profile is put together of its pieces, in whatever order they come") {
  const auto two = icc_piece(1, 3, "ab") + icc_piece(3, 3, "ef") + icc_piece(2, 3, "cd");
  CHECK(as_text(decoded(photo_with(two))->meta.icc) == "abcdef");
  CHECK(as_text(decoded(photo_with(icc_piece(0, 0, "alone")))->meta.icc) == "alone");
}

TEST_CASE("a profile that is not whole is dropped, and the picture is not called damaged") {
  for (const auto& pieces :
       {icc_piece(1, 2, "ab"), icc_piece(1, 2, "ab") + icc_piece(1, 2, "ab"),
        icc_piece(1, 2, "ab") + icc_piece(2, 3, "cd"), icc_piece(1, 1, "ab") + icc_piece(2, 1, "c"),
        icc_piece(0, 2, "ab") + icc_piece(1, 2, "cd")}) {
    const auto got = decoded(photo_with(pieces));
    REQUIRE(got);
    CHECK(got->meta.icc.empty());
    CHECK(got->losses.list() == std::vector{loss::icc_dropped});
  }
}

TEST_CASE("a profile larger than any is dropped, and the picture stays") {
  std::string pieces;
  for (int i = 1; i <= 80; ++i)
    pieces += icc_piece(i, 80, std::string(60'000, 'x'));
  REQUIRE(pieces.size() > limits::icc_bytes_max);
  const auto info = probed(photo_with(pieces));
  REQUIRE(info);
  CHECK(info->icc_bytes <= limits::icc_bytes_max);
  const auto got = decoded(photo_with(pieces));
  REQUIRE(got);
  CHECK(got->losses.list() == std::vector{loss::icc_dropped});
}

TEST_CASE("metadata that is not kept costs no memory and no picture") {
  std::string markers;
  for (int i = 0; i < 200; ++i) {
    markers += marker(13, std::string("Photoshop 3.0\0", 14) + std::string(65'000, 'p'));
    markers += marker(1, std::string("http://ns.adobe.com/xmp/extension/\0", 35) +
                             std::string(65'000, 'x'));
    markers += marker(1, "unknown" + std::string(65'000, 'u'));
  }
  const auto file = photo_with(markers + xmp_marker("<x/>"));
  const auto info = probed(file);
  REQUIRE(info);
  CHECK(info->xmp_bytes == 4);
  const auto got = decoded(file);
  REQUIRE(got);
  CHECK(as_text(got->meta.xmp) == "<x/>");
  CHECK(got->losses.list() ==
        std::vector{loss::xmp_dropped, loss::iptc_dropped, loss::other_metadata_dropped});
}

TEST_CASE("the first EXIF and the first XMP are taken") {
  const auto exif = sample_exif(6);
  const auto text = std::string("Exif\0\0", 6) + as_text(exif);
  const auto got = decoded(photo_with(marker(1, text) + xmp_marker("<a/>") + xmp_marker("<b/>") +
                                      marker(1, std::string("Exif\0\0", 6) + "junk")));
  REQUIRE(got);
  CHECK(got->meta.exif == exif);
  CHECK(as_text(got->meta.xmp) == "<a/>");
  CHECK(got->losses.list() == std::vector{loss::exif_dropped, loss::xmp_dropped});
}

TEST_CASE("comments without number cost neither memory nor the picture") {
  std::string comments;
  for (int i = 0; i < 100'000; ++i)
    comments += std::string("\xff\xfe\0\3x", 5);
  const auto got = decoded(photo_with(comments));
  REQUIRE(got);
  CHECK(got->meta.texts.size() == 256);
  CHECK(got->losses.list() == std::vector{loss::comment_dropped});
}

TEST_CASE("an APP0 that is neither JFIF nor its thumbnail is declared") {
  const auto canon = decoded(photo_with(marker(0, "CIFF of a camera")));
  REQUIRE(canon);
  CHECK(canon->losses.list() == std::vector{loss::other_metadata_dropped});
  CHECK(decoded(photo_with(marker(0, std::string("JFXX\0", 5) + "thumbnail")))->losses.empty());
}

TEST_CASE("markers without content, or cut off by the end of the file, do no harm") {
  for (const auto& empty : {marker(1, ""), marker(2, ""), marker(13, ""), marker(15, "")})
    CHECK(decoded(photo_with(empty))->losses.empty());
  for (const auto& cut :
       {marker(2, "ICC"), marker(2, std::string("ICC_PROFILE\0", 12)), marker(1, "Exif")})
    CHECK(decoded(photo_with(cut))->losses.list() == std::vector{loss::other_metadata_dropped});
  const auto whole = photo_with(icc_piece(1, 1, std::string(3'000, 'x')));
  for (const std::size_t size : {3uz, 5uz, 8uz, 20uz, 30uz, 200uz, 2'000uz})
    CHECK_FALSE(probed(whole.substr(0, size)));
}

TEST_CASE("a JPEG of colour components that no picture has is refused once, by its name") {
  auto file = encoded("jpeg", gradient(pixel_layout::grey, 16, 16));
  const auto sof = file.find("\xff\xc0");
  REQUIRE(sof != std::string::npos);
  for (const int components : {2, 5, 8, 10}) {
    auto many = file;
    std::string entries;
    for (int i = 0; i < components; ++i)
      entries += std::string{static_cast<char>(i + 1), '\x11', '\0'};
    // length, precision, height, width, components
    many.replace(sof + 2, 11,
                 std::string{'\0', static_cast<char>(8 + 3 * components)} +
                     file.substr(sof + 4, 5) + static_cast<char>(components) + entries);
    const auto info = probed(many);
    REQUIRE_FALSE(info);
    CHECK(info.error().reason == domain::failure_reason::unsupported_format);
    CHECK(info.error().detail.find(std::to_string(components)) != std::string::npos);
    CHECK_FALSE(decoded(many));
  }
}
