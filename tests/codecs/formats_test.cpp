// Each format: what goes in comes out, and what is broken is named.
#include "pictures.hpp"
#include "toy_formats.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cmath>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace darkroom::tests;
using domain::failure_reason;
using domain::loss;

namespace {

failure_reason reason_of(const std::string& file, bool strict = false) {
  const auto done = decoded(file, strict);
  REQUIRE_FALSE(done);
  return done.error().reason;
}

} // namespace

TEST_CASE("PNG holds every layout and depth exactly") {
  const auto layout =
      GENERATE(pixel_layout::grey, pixel_layout::grey_alpha, pixel_layout::rgb, pixel_layout::rgba);
  const std::uint8_t depth = GENERATE(std::uint8_t{8}, std::uint8_t{16});
  const bool interlaced = GENERATE(false, true);
  const auto picture = gradient(layout, 37, 23, depth);
  const auto file = encoded("png", picture, {}, {.progressive = interlaced});
  const auto back = decoded(file);
  REQUIRE(back);
  CHECK(equal(back->pixels, picture));
  CHECK(back->losses.empty());
  const auto info = probed(file);
  REQUIRE(info);
  CHECK(info->depth == depth);
  CHECK(info->alpha == has_alpha(layout));
  CHECK(info->progressive == interlaced);
}

TEST_CASE("few colours become a palette, and the pixels stay the same") {
  for (const std::uint32_t colours : {1u, 2u, 4u, 16u, 200u, 256u, 257u}) {
    auto made = image::make(pixel_layout::rgba, 64, 64, 8);
    for (std::uint32_t i = 0; i < 64 * 64; ++i) {
      const std::uint32_t c = i % colours;
      std::uint8_t* p = made->data() + i * 4;
      p[0] = static_cast<std::uint8_t>(c);
      p[1] = static_cast<std::uint8_t>(c * 7);
      p[2] = static_cast<std::uint8_t>(c >> 8);
      p[3] = static_cast<std::uint8_t>(c % 3 == 0 ? 128 : 255);
    }
    const auto file = encoded("png", *made);
    INFO(colours << " colours");
    CHECK((file.find("PLTE") != std::string::npos) == (colours <= 256));
    const auto back = decoded(file);
    REQUIRE(back);
    CHECK(equal(back->pixels, *made));
  }
}

TEST_CASE("lossless WebP holds RGB and RGBA exactly, also what is transparent") {
  for (const auto layout : {pixel_layout::rgb, pixel_layout::rgba}) {
    const auto picture = gradient(layout, 41, 29);
    const auto back = decoded(encoded("webp", picture, {}, {.lossless = true}));
    REQUIRE(back);
    CHECK(equal(back->pixels, picture));
  }
}

TEST_CASE("JPEG and lossy WebP come close") {
  const auto picture = gradient(pixel_layout::rgb, 160, 120);
  for (const auto* format : {"jpeg", "webp"}) {
    const auto back = decoded(encoded(format, picture, {}, {.quality = 95}));
    REQUIRE(back);
    CHECK(psnr(back->pixels, picture) > 35);
  }
  const auto grey = gradient(pixel_layout::grey, 33, 17);
  const auto back = decoded(encoded("jpeg", grey, {}, {.quality = 100}));
  REQUIRE(back);
  CHECK(psnr(back->pixels, grey) > 40);
}

TEST_CASE("4:2:0 samples pass through JPEG and WebP without RGB, odd sizes too") {
  for (const auto& [width, height] : {std::pair{64u, 48u}, {65u, 49u}, {1u, 1u}, {17u, 3u}}) {
    INFO(width << "x" << height);
    const auto jpeg =
        encoded("jpeg", gradient(pixel_layout::rgb, width, height), {}, {.quality = 95});
    const auto info = probed(jpeg);
    REQUIRE(info);
    REQUIRE(info->yuv420);
    const auto rgb = decoded(jpeg);
    const auto yuv = decoded(jpeg, false, {.yuv420 = true});
    REQUIRE(rgb);
    REQUIRE(yuv);
    CHECK(yuv->pixels.layout() == pixel_layout::yuv420);
    for (const auto* format : {"jpeg", "webp"}) {
      const auto direct = decoded(encoded(format, yuv->pixels, {}, {.quality = 95}));
      const auto through_rgb = decoded(encoded(format, rgb->pixels, {}, {.quality = 95}));
      REQUIRE(direct);
      REQUIRE(through_rgb);
      const double direct_db = psnr(direct->pixels, rgb->pixels);
      const double rgb_db = psnr(through_rgb->pixels, rgb->pixels);
      CHECK((direct_db > rgb_db - 0.3 || direct_db > 45));
    }
  }
}

TEST_CASE("a JPEG can be decoded smaller, but not smaller than asked for") {
  const auto jpeg = encoded("jpeg", gradient(pixel_layout::rgb, 800, 600));
  const auto small = decoded(jpeg, false, {.width_min = 190, .height_min = 150});
  REQUIRE(small);
  CHECK(small->pixels.width() == 200);
  const auto full = decoded(jpeg, false, {.width_min = 500, .height_min = 10});
  REQUIRE(full);
  CHECK(full->pixels.width() == 800);
}

TEST_CASE("progressive JPEG is read and written") {
  const auto picture = gradient(pixel_layout::rgb, 64, 64);
  const auto file = encoded("jpeg", picture, {}, {.quality = 90, .progressive = true});
  CHECK(probed(file)->progressive);
  const auto back = decoded(file);
  REQUIRE(back);
  CHECK(psnr(back->pixels, picture) > 35);
}

TEST_CASE("metadata comes back from every format") {
  metadata meta;
  meta.exif = sample_exif(6);
  meta.xmp = {'<', 'x', '/', '>'};
  for (const auto* format : {"jpeg", "png", "webp"}) {
    INFO(format);
    const auto file = encoded(format, gradient(pixel_layout::rgb, 20, 10), meta);
    const auto back = decoded(file);
    REQUIRE(back);
    CHECK(back->meta.exif == meta.exif);
    CHECK(back->meta.xmp == meta.xmp);
    CHECK(back->orientation == 6);
    CHECK(probed(file)->orientation == 6);
    CHECK(probed(file)->exif_bytes == meta.exif.size());
  }
}

TEST_CASE("a file cut short is salvaged and declared, or refused if strict") {
  const auto picture = noise(pixel_layout::rgb, 300, 300);
  for (const auto* format : {"jpeg", "png", "webp"}) {
    INFO(format);
    const auto file = encoded(format, picture, {}, {.quality = 95});
    const auto cut = file.substr(0, file.size() * 2 / 3);
    const auto salvaged = decoded(cut);
    REQUIRE(salvaged);
    CHECK(salvaged->losses.has(loss::truncated_salvaged));
    if (std::string_view{format} != "jpeg") {
      CHECK(salvaged->arrived_percent > 40);
      CHECK(salvaged->arrived_percent < 90);
    }
    CHECK(salvaged->pixels.width() == 300);
    CHECK(reason_of(cut, true) == failure_reason::truncated_input);
    CHECK_FALSE(probed(file.substr(0, 14)));
  }
}

TEST_CASE("how much of a JPEG arrived is told, and next to nothing is a failure") {
  const auto file = encoded("jpeg", noise(pixel_layout::rgb, 640, 1'600), {}, {.quality = 95});
  const auto percent = [&](double share) -> int {
    const auto got = decoded(file.substr(0, static_cast<std::size_t>(share * double(file.size()))));
    return got ? got->arrived_percent : -1;
  };
  CHECK(percent(1) == 100);
  CHECK(std::abs(percent(0.5) - 50) < 5);
  CHECK(std::abs(percent(0.1) - 10) < 5);
  CHECK(percent(0.004) == -1);
  const auto progressive =
      encoded("jpeg", noise(pixel_layout::rgb, 640, 640), {}, {.quality = 95, .progressive = true});
  const auto coarse = decoded(progressive.substr(0, progressive.size() * 9 / 10));
  REQUIRE(coarse);
  CHECK(coarse->arrived_percent == 100); // of the rows; the later scans are missing
  CHECK(coarse->losses.has(domain::loss::truncated_salvaged));
}

TEST_CASE("a WebP's metadata never fails the picture: what is too large is dropped") {
  const auto picture = gradient(pixel_layout::rgb, 20, 10);
  metadata meta;
  for (auto part : {&metadata::exif, &metadata::xmp, &metadata::icc})
    (meta.*part).assign(5'000'000, 'x');
  const auto file = encoded("webp", picture, meta);
  const auto info = probed(file);
  REQUIRE(info);
  CHECK(info->icc_bytes + info->exif_bytes + info->xmp_bytes == 0);
  const auto done = convert(file, spec_to("jpeg"));
  REQUIRE(done);
  CHECK(done->report.losses.list() ==
        std::vector{loss::icc_dropped, loss::exif_dropped, loss::xmp_dropped});
}

TEST_CASE("a file cut at any byte ends as a named failure or a declared salvage") {
  for (const auto* format : {"jpeg", "png", "webp"}) {
    const auto file = encoded(format, gradient(pixel_layout::rgb, 24, 24));
    for (std::size_t size = 16; size < file.size(); ++size) {
      const auto done = decoded(file.substr(0, size));
      INFO(format << " cut at " << size);
      if (done)
        CHECK((done->losses.has(loss::truncated_salvaged) || std::string_view{format} != "jpeg"));
      else
        CHECK((done.error().reason == failure_reason::truncated_input ||
               done.error().reason == failure_reason::corrupt_input));
    }
  }
}

TEST_CASE("a file with any byte changed does no harm") {
  for (const auto* format : {"jpeg", "png", "webp"}) {
    const auto file = encoded(format, gradient(pixel_layout::rgb, 20, 20));
    for (std::size_t at = 12; at < file.size(); ++at) {
      auto changed = file;
      changed[at] = static_cast<char>(changed[at] ^ 0x55);
      if (const auto info = probed(changed, {.pixels = 1'000'000})) (void)decoded(changed);
    }
  }
}

TEST_CASE("nothing, and what is no image, is told apart") {
  CHECK(probed("").error().reason == failure_reason::truncated_input);
  CHECK(probed("GIF89a, not a picture of ours").error().reason ==
        failure_reason::unsupported_format);
}

TEST_CASE("every limit on the header has its reason") {
  const auto file = encoded("png", gradient(pixel_layout::rgb, 100, 50));
  CHECK(probed(file, {.side_pixels = 99}).error().reason == failure_reason::limit_dimensions);
  CHECK(probed(file, {.pixels = 4'999}).error().reason == failure_reason::limit_pixels);
  CHECK(probed(file, {.bytes = 10}).error().reason == failure_reason::limit_input_bytes);
  CHECK(probed(file, {.pixels = 5'000, .side_pixels = 100}));
}

TEST_CASE("a format is one row: a toy is read, converted and written like the others") {
  const auto png = convert(toy_file(77), spec_to("png"));
  REQUIRE(png);
  const auto back = decoded(png->outputs[0]);
  REQUIRE(back);
  CHECK(equal(back->pixels, solid(pixel_layout::grey, 8, 8, {77})));
  const auto toy = convert(encoded("png", solid(pixel_layout::grey, 8, 8, {42})), spec_to("toy"));
  REQUIRE(toy);
  CHECK(toy->outputs[0] == toy_file(42));
}

TEST_CASE("every row says all that planning and specs ask of a format") {
  for (const auto& row : formats()) {
    INFO(row.name);
    CHECK_FALSE(row.label.empty());
    CHECK_FALSE(row.media_type.empty());
    CHECK(std::ranges::find(row.extensions, row.extension) != row.extensions.end());
    CHECK(row.output_bytes != nullptr);
    CHECK(row.is_slow != nullptr);
    CHECK(row.decode_ps_per_pixel > 0);
    CHECK(row.encode_ps_per_pixel > 0);
    if (!row.sample.empty()) CHECK(sniff_format(row.sample) == &row);
    for (const auto alias : row.aliases) {
      CHECK(find_format(alias) == nullptr);
      CHECK(find_format_or_alias(alias) == &row);
    }
    CHECK(find_format_or_alias(row.name) == &row);
  }
  CHECK(find_format_or_alias("jpg") == find_format("jpeg"));
  CHECK(find_format_or_alias("gif") == nullptr);
}

TEST_CASE("specs are checked against the formats that can be written") {
  const auto writable = output_formats();
  const auto* jpeg = domain::find_format(writable, "jpeg");
  REQUIRE(jpeg != nullptr);
  CHECK(jpeg->label == "JPEG");
  CHECK(jpeg->aliases == std::vector<std::string>{"jpg"});
  CHECK(jpeg->options.lossless == domain::lossless_support::never);
  CHECK(jpeg->options.chroma.size() == 2);
  CHECK(domain::find_format(writable, "png")->options.lossless == domain::lossless_support::always);
  CHECK_FALSE(domain::find_format(writable, "png")->options.quality);
  CHECK(domain::find_format(writable, "webp")->options.lossless ==
        domain::lossless_support::optional);
  CHECK(domain::find_format(writable, "toy") != nullptr);
  CHECK(domain::find_format(writable, "evil") == nullptr); // has no encoder
  CHECK(domain::check_formats(spec_to("webp", [](auto& o) { o.lossless = true; }), writable));
  const auto refused =
      domain::check_formats(spec_to("jpeg", [](auto& o) { o.lossless = true; }), writable);
  CHECK(refused.error() ==
        domain::spec_error{"/outputs/0/lossless", "is not possible in JPEG; use png or webp"});
}

TEST_CASE("previews are small lossy pictures in a format that can be written") {
  CHECK(preview_output() == domain::output_spec{.format = "webp", .quality = 75, .effort = 2});
  CHECK(domain::find_format(output_formats(), preview_output().format) != nullptr);
}

TEST_CASE("a file's name can disagree with its bytes") {
  CHECK(extension_differs("a/b.png", *find_format("jpeg")));
  CHECK(extension_differs("b.JPG", *find_format("png")));
  CHECK_FALSE(extension_differs("a/b.JPEG", *find_format("jpeg")));
  CHECK_FALSE(extension_differs("b", *find_format("jpeg")));
  CHECK_FALSE(extension_differs("b.dat", *find_format("jpeg")));
}
