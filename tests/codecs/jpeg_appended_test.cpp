#include "codecs/jpeg_appended.hpp"

#include "codecs/colour.hpp"
#include "codecs/jpeg_format.hpp"
#include "codecs/metadata/profile_tags.hpp"
#include "codecs/metadata/xmp.hpp"
#include "pictures.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace darkroom::tests;
using domain::loss;
using list = std::vector<loss>;

namespace {

std::string marker(int app, std::string_view prefix, const byte_vector& content) {
  std::string body{prefix};
  body.append(content.begin(), content.end());
  const auto size = body.size() + 2;
  const std::string head{'\xff', static_cast<char>(0xe0 + app), static_cast<char>(size >> 8),
                         static_cast<char>(size)};
  return head + body;
}

std::string small_jpeg(pixel_layout layout = pixel_layout::rgb) {
  return encoded("jpeg", gradient(layout, 32, 24));
}

std::string gain_map_jpeg() {
  return small_jpeg(pixel_layout::grey).insert(2, marker(2, jpeg_gain_map_prefix, {0, 0, 0, 0}));
}

// A JPEG whose list of pictures names what is appended, as of this type (CIPA DC-007, table 4).
std::string with_appended(const std::string& second, std::uint32_t type = 0,
                          const std::string& between = {}) {
  auto first = small_jpeg();
  const auto list_bytes = marker(2, jpeg_mpf_prefix, make_picture_list(0, 0, 0)).size();
  const auto first_bytes = static_cast<std::uint32_t>(first.size() + list_bytes);
  constexpr std::uint32_t list_at = 2 + 4 + 4; // behind SOI, marker, length and prefix
  auto pictures =
      make_picture_list(first_bytes, static_cast<std::uint32_t>(second.size()),
                        first_bytes - list_at + static_cast<std::uint32_t>(between.size()));
  const auto entry = pictures.size() - 16;
  pictures[entry + 1] = static_cast<std::uint8_t>(type >> 16);
  pictures[entry + 3] = static_cast<std::uint8_t>(type);
  first.insert(2, marker(2, jpeg_mpf_prefix, pictures));
  return first + between + second;
}

list losses_of(const std::string& file, const domain::conversion_spec& spec) {
  const auto done = convert(file, spec);
  REQUIRE(done);
  return done->report.losses.list();
}

} // namespace

TEST_CASE("a gain map is carried to a JPEG of the same geometry, and the list leads to it") {
  const auto map = gain_map_jpeg();
  auto source = with_appended(map);
  source.insert(2, marker(2, jpeg_gain_map_prefix, {0, 1, 0, 0}));
  // The list stands behind what was inserted, and counts from where it stands.
  const auto done = convert(source, spec_to("jpeg", [](auto& o) { o.quality = 40; }));
  REQUIRE(done);
  CHECK(done->report.losses.empty());
  const auto& output = done->outputs[0];
  CHECK(output.ends_with(map));
  CHECK(output.find(std::string{jpeg_gain_map_prefix} + std::string("\0\1\0\0", 4)) !=
        std::string::npos);
  // Once more: our own list is read as the first one was.
  const auto again = convert(output, spec_to("jpeg"));
  REQUIRE(again);
  CHECK(again->report.losses.empty());
  CHECK(again->outputs[0].ends_with(map));
}

TEST_CASE("a gain map that fits no more is dropped and declared") {
  const auto source = with_appended(gain_map_jpeg());
  const auto smaller =
      spec_to("jpeg", [](auto& o) { o.resize = domain::resize_spec{.width = 16, .height = 12}; });
  CHECK(losses_of(source, smaller) == list{loss::gain_map_dropped});
  CHECK(losses_of(source, spec_to("png")) == list{loss::gain_map_dropped});
  CHECK(losses_of(source, spec_to("webp")) == list{loss::gain_map_dropped});
  for (const auto policy : {domain::metadata_policy::strip, domain::metadata_policy::strip_location,
                            domain::metadata_policy::copyright}) {
    auto spec = spec_to("jpeg");
    spec.metadata = policy;
    const auto done = convert(source, spec);
    REQUIRE(done);
    CHECK(done->report.losses.has(loss::gain_map_dropped));
    CHECK(done->outputs[0].find(jpeg_mpf_prefix) == std::string::npos);
  }
}

TEST_CASE("what follows a picture is told apart") {
  const auto photo = small_jpeg();
  const std::string video = std::string("\0\0\0\x18", 4) + "ftypmp42" + std::string(500, 'v');
  struct row {
    const char* what;
    std::string file;
    list losses;
  };
  const row rows[] = {
      {"nothing", photo, {}},
      {"padding", photo + std::string(5'000, '\0') + "\n", {}},
      {"a video", photo + video, {loss::video_dropped}},
      {"Samsung's trailer", photo + "MotionPhoto_Data" + video, {loss::video_dropped}},
      {"a picture that no list names", photo + photo, {loss::images_dropped}},
      {"anything else", photo + "SEFT trailer", {loss::other_metadata_dropped}},
      {"a preview", with_appended(photo, 0x010002), {}},
      {"a depth map", with_appended(photo, 0x020002), {loss::images_dropped}},
      {"a picture of no type", with_appended(photo), {loss::images_dropped}},
      {"a gain map and a video", with_appended(gain_map_jpeg()) + video, {loss::video_dropped}},
      {"a video before the gain map",
       with_appended(gain_map_jpeg(), 0, video),
       {loss::video_dropped}},
  };
  for (const auto& r : rows) {
    INFO(r.what);
    CHECK(losses_of(r.file, spec_to("jpeg")) == r.losses);
  }
}

TEST_CASE("a list of pictures that lies is not followed") {
  const auto source = with_appended(gain_map_jpeg());
  const auto begin = source.find(jpeg_mpf_prefix) + jpeg_mpf_prefix.size();
  for (std::size_t at = begin; at < begin + make_picture_list(0, 0, 0).size(); ++at)
    for (const char value : {'\0', '\1', '\x7f', '\xff'}) {
      auto broken = source;
      broken[at] = value;
      const auto done = convert(broken, spec_to("jpeg"));
      REQUIRE(done);
      // Carried, or declared: whatever the list says.
      const auto losses = done->report.losses;
      CHECK((done->outputs[0].ends_with(gain_map_jpeg()) || losses.has(loss::gain_map_dropped) ||
             losses.has(loss::images_dropped) || losses.has(loss::other_metadata_dropped)));
    }
}

TEST_CASE("a shape of pixels and a density travel between JPEG and PNG") {
  for (const auto& density : {pixel_density{11'811, 5'906, true}, pixel_density{4, 3, false}}) {
    metadata meta;
    meta.density = density;
    const auto png = encoded("png", gradient(pixel_layout::rgb, 20, 20), meta);
    const auto jpeg = convert(png, spec_to("jpeg"));
    REQUIRE(jpeg);
    CHECK(jpeg->report.losses.empty());
    const auto back = convert(jpeg->outputs[0], spec_to("png"));
    REQUIRE(back);
    const auto got = decoded(back->outputs[0])->meta.density;
    REQUIRE(got);
    CHECK(got->x == density.x);
    CHECK(got->y == density.y);
    CHECK(got->metric == density.metric);
    const auto webp = convert(png, spec_to("webp"));
    REQUIRE(webp);
    if (density.metric)
      CHECK_FALSE(decoded(webp->outputs[0])->meta.exif.empty());
    else
      CHECK(webp->report.losses.list() == list{loss::density_dropped});
  }
}

TEST_CASE("a density follows the picture that is turned, and nonsense is declared") {
  metadata meta;
  meta.density = pixel_density{7'874, 3'937, true}; // 200 and 100 an inch
  meta.exif = sample_exif(6);
  const auto done =
      convert(encoded("jpeg", gradient(pixel_layout::rgb, 20, 10), meta), spec_to("jpeg"));
  REQUIRE(done);
  const auto turned = decoded(done->outputs[0])->meta.density;
  REQUIRE(turned);
  CHECK(turned->x == 3'937);
  CHECK(turned->y == 7'874);
  metadata tiny;
  tiny.density = pixel_density{10, 10, true};
  CHECK(losses_of(encoded("png", gradient(pixel_layout::rgb, 20, 10), tiny), spec_to("jpeg")) ==
        list{loss::density_dropped});
}

TEST_CASE("EXIF and XMP that a WebP's header does not announce are found") {
  auto file = encoded("webp", gradient(pixel_layout::rgb, 20, 20));
  const auto exif = sample_exif(1);
  const auto u32 = [](std::size_t v) {
    return std::string{static_cast<char>(v), static_cast<char>(v >> 8), static_cast<char>(v >> 16),
                       static_cast<char>(v >> 24)};
  };
  file += "EXIF" + u32(exif.size()) + std::string(exif.begin(), exif.end());
  if (exif.size() % 2 != 0) file += '\0';
  file.replace(4, 4, u32(file.size() - 8));
  const auto got = decoded(file);
  REQUIRE(got);
  CHECK(got->meta.exif == exif);
  CHECK(decoded(file + "behind it")->losses.list() == list{loss::other_metadata_dropped});
}

TEST_CASE("a profile keeps its colours and loses its private tags with the place") {
  auto profile =
      profile_of({.gamma = 100'000, .chromaticity = {}, .srgb_intent = {}, .cicp = {}}, false);
  REQUIRE_FALSE(profile.empty());
  const auto same = select_profile_tags(profile);
  CHECK_FALSE(same.removed);
  auto copy = same.bytes;
  CHECK(check_profile(copy));
  // One tag renamed to a private one, and bytes behind the last.
  std::copy_n("gpsx", 4, profile.begin() + 132);
  const std::string place = "GPS 52.52 13.40";
  profile.insert(profile.end(), place.begin(), place.end());
  const auto kept = select_profile_tags(profile);
  CHECK(kept.removed);
  const std::string text(kept.bytes.begin(), kept.bytes.end());
  CHECK(text.find("gpsx") == std::string::npos);
  CHECK(text.find("52.52") == std::string::npos);
  for (std::size_t size = 0; size < profile.size(); size += 3)
    (void)select_profile_tags(std::span(profile).first(size));
}

TEST_CASE("the copyright policy declares a copyright that it could not read") {
  metadata meta;
  const std::string broken = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><unfinished";
  meta.xmp.assign(broken.begin(), broken.end());
  auto spec = spec_to("png");
  spec.metadata = domain::metadata_policy::copyright;
  CHECK(losses_of(encoded("jpeg", gradient(pixel_layout::rgb, 20, 20), meta), spec) ==
        list{loss::xmp_dropped});
}

TEST_CASE("comments and texts are carried, moved to XMP, or declared") {
  metadata meta;
  meta.texts = {{"Comment", "by hand"}, {"Title", "Dunes"}, {"Disclaimer", "none"}};
  const auto png = encoded("png", gradient(pixel_layout::rgb, 20, 20), meta);
  const auto same = convert(png, spec_to("png"));
  REQUIRE(same);
  CHECK(same->report.losses.empty());
  CHECK(decoded(same->outputs[0])->meta.texts.size() == 3);
  const auto jpeg = convert(png, spec_to("jpeg"));
  REQUIRE(jpeg);
  CHECK(jpeg->report.losses.list() == list{loss::text_dropped}); // the disclaimer
  const auto meta_of_jpeg = decoded(jpeg->outputs[0])->meta;
  REQUIRE(meta_of_jpeg.texts.size() == 1);
  CHECK(meta_of_jpeg.texts[0].text == "by hand");
  auto packet = parse_xmp(meta_of_jpeg.xmp);
  REQUIRE(packet);
  CHECK(packet->find(xmp_uri::dc, "title") != nullptr);
  CHECK(losses_of(png, spec_to("webp")) == list{loss::comment_dropped, loss::text_dropped});
  auto spec = spec_to("webp");
  spec.metadata = domain::metadata_policy::strip;
  CHECK(losses_of(png, spec).empty());
}
