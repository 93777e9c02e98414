// Whole conversions of pictures made in code.
#include "codecs/colour.hpp"
#include "codecs/limits.hpp"
#include "codecs/metadata/exif.hpp"
#include "codecs/metadata/exif_directories.hpp"
#include "codecs/metadata/xmp.hpp"
#include "pictures.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace darkroom::tests;
using domain::failure_reason;
using domain::loss;

namespace {

std::vector<loss> losses_of(const std::string& file, const domain::conversion_spec& spec) {
  const auto done = convert(file, spec);
  INFO((done ? "" : done.error().detail));
  REQUIRE(done);
  return done->report.losses.list();
}

failure_reason failure_of(const std::string& file, const domain::conversion_spec& spec) {
  const auto done = convert(file, spec);
  REQUIRE_FALSE(done);
  return done.error().reason;
}

using list = std::vector<loss>;

} // namespace

TEST_CASE("what the output cannot hold is declared, and nothing else") {
  const auto rgba = encoded("png", gradient(pixel_layout::rgba, 20, 20));
  const auto rgb16 = encoded("png", gradient(pixel_layout::rgb, 20, 20, 16));
  const auto rgb = encoded("png", gradient(pixel_layout::rgb, 20, 20));
  CHECK(losses_of(rgb, spec_to("jpeg")) == list{});
  CHECK(losses_of(rgba, spec_to("jpeg")) == list{loss::alpha_flattened});
  CHECK(losses_of(rgba, spec_to("webp")) == list{});
  CHECK(losses_of(rgb16, spec_to("webp")) == list{loss::bit_depth_reduced});
  CHECK(losses_of(rgb16, spec_to("png")) == list{});
  CHECK(losses_of(rgb, spec_to("png", [](auto& o) {
                    o.resize = domain::resize_spec{40, 40, domain::resize_mode::fit, true};
                  })) == list{loss::upscaled});
  const auto opaque = encoded("png", solid(pixel_layout::rgba, 9, 9, {1, 2, 3, 255}));
  CHECK(losses_of(opaque, spec_to("jpeg")) == list{});
}

TEST_CASE("a loss can be forbidden") {
  auto spec = spec_to("jpeg");
  spec.fail_on.add(loss::alpha_flattened);
  CHECK(failure_of(encoded("png", gradient(pixel_layout::rgba, 20, 20)), spec) ==
        failure_reason::loss_not_allowed);
  CHECK(losses_of(encoded("png", gradient(pixel_layout::rgb, 20, 20)), spec) == list{});
}

TEST_CASE("an oriented picture comes out upright, its tag reset, its size in EXIF") {
  metadata meta;
  meta.exif = sample_exif(6);
  const auto stored = gradient(pixel_layout::rgb, 40, 20);
  for (const auto* source : {"png", "jpeg"}) {
    const auto done = convert(encoded(source, stored, meta, {.quality = 95}), spec_to("png"));
    REQUIRE(done);
    CHECK(done->report.outputs[0].width == 20);
    const auto back = decoded(done->outputs[0]);
    REQUIRE(back);
    CHECK(back->pixels.height() == 40);
    CHECK(back->orientation == 1);
    // Turned right by a quarter: what was lower left is upper left, and was bright in green.
    CHECK(back->pixels.row(1)[1 * 3 + 1] > 200);
  }
  auto as_stored = spec_to("png");
  as_stored.orient = domain::orient_policy::none;
  const auto done = convert(encoded("png", stored, meta), as_stored);
  REQUIRE(done);
  const auto back = decoded(done->outputs[0]);
  CHECK(back->orientation == 6);
  CHECK(equal(back->pixels, stored));
}

TEST_CASE("metadata is kept, stripped, or stripped of the place") {
  metadata meta;
  meta.exif = sample_exif(1);
  const std::string place = "<exif:GPSLatitude>48</exif:GPSLatitude>";
  meta.xmp.assign(place.begin(), place.end());
  const auto file = encoded("png", gradient(pixel_layout::rgb, 20, 20), meta);
  auto spec = spec_to("webp");
  auto kept = convert(file, spec);
  REQUIRE(kept);
  CHECK(decoded(kept->outputs[0])->meta.xmp == meta.xmp);
  CHECK_FALSE(decoded(kept->outputs[0])->meta.exif.empty());
  spec.metadata = domain::metadata_policy::strip;
  auto stripped = convert(file, spec);
  REQUIRE(stripped);
  CHECK(decoded(stripped->outputs[0])->meta.exif.empty());
  CHECK(decoded(stripped->outputs[0])->meta.xmp.empty());
  CHECK(stripped->report.losses.empty());
  spec.metadata = domain::metadata_policy::strip_location;
  auto nowhere = convert(file, spec);
  REQUIRE(nowhere);
  const auto exif = decoded(nowhere->outputs[0])->meta.exif;
  CHECK_FALSE(select_exif(exif, metadata_selection::without_location).location_removed);
  CHECK_FALSE(exif.empty());
  CHECK(nowhere->report.losses.has(loss::location_stripped));
  CHECK(nowhere->report.losses.has(loss::xmp_dropped));
}

TEST_CASE("a profile is preserved, or used and dropped") {
  metadata meta;
  meta.icc = profile_of({.gamma = 100'000, .chromaticity = {}, .srgb_intent = {}}, false);
  REQUIRE_FALSE(meta.icc.empty());
  const auto file = encoded("png", gradient(pixel_layout::rgb, 20, 20), meta);
  for (const auto* format : {"jpeg", "png", "webp"}) {
    const auto kept = convert(file, spec_to(format));
    REQUIRE(kept);
    CHECK(decoded(kept->outputs[0])->meta.icc == meta.icc);
    CHECK(kept->report.losses.empty());
  }
  auto srgb = spec_to("png");
  srgb.icc = domain::icc_policy::srgb;
  const auto used = convert(file, srgb);
  REQUIRE(used);
  CHECK(used->report.losses.has(loss::icc_converted));
  const auto back = decoded(used->outputs[0]);
  CHECK(back->meta.icc.empty());
  // Linear light became sRGB: the middle is much brighter.
  CHECK(back->pixels.row(0)[10 * 3] > 160);
}

TEST_CASE("PNG's gamma and chromaticities survive: as they are in PNG, as a profile elsewhere") {
  metadata meta;
  meta.colour.gamma = 100'000;
  const auto file = encoded("png", gradient(pixel_layout::rgb, 20, 20), meta);
  const auto png = convert(file, spec_to("png"));
  REQUIRE(png);
  CHECK(decoded(png->outputs[0])->meta.colour.gamma == 100'000);
  const auto webp = convert(file, spec_to("webp"));
  REQUIRE(webp);
  CHECK(profile_fits(decoded(webp->outputs[0])->meta.icc, pixel_layout::rgb));
  CHECK(webp->report.losses.empty());
}

TEST_CASE("a profile for other pixels is dropped and declared") {
  metadata meta;
  meta.icc = profile_of({.gamma = 100'000, .chromaticity = {}, .srgb_intent = {}}, false);
  metadata wrong;
  wrong.icc = profile_of({.gamma = 100'000, .chromaticity = {}, .srgb_intent = {}}, true);
  const auto file = encoded("jpeg", gradient(pixel_layout::rgb, 20, 20), wrong);
  CHECK(losses_of(file, spec_to("webp")) == list{loss::icc_dropped});
}

TEST_CASE("grey with a profile of its own becomes sRGB where there is no grey") {
  metadata meta;
  meta.icc = profile_of({.gamma = 100'000, .chromaticity = {}, .srgb_intent = {}}, true);
  const auto file = encoded("png", gradient(pixel_layout::grey, 20, 20), meta);
  CHECK(losses_of(file, spec_to("webp")) == list{loss::icc_converted});
  CHECK(losses_of(file, spec_to("jpeg")) == list{});
}

TEST_CASE("grey on a coloured background becomes RGB, its profile used") {
  metadata meta;
  meta.icc = profile_of({.gamma = 100'000, .chromaticity = {}, .srgb_intent = {}}, true);
  auto spec = spec_to("jpeg");
  spec.background = {255, 0, 0};
  const auto flat = convert(encoded("png", gradient(pixel_layout::grey_alpha, 20, 20), meta), spec);
  REQUIRE(flat);
  CHECK(decoded(flat->outputs[0])->pixels.layout() == pixel_layout::rgb);
  CHECK(decoded(flat->outputs[0])->meta.icc.empty());
  CHECK(flat->report.losses.has(loss::icc_converted));
  auto padded = spec_to(
      "png", [](auto& o) { o.resize = domain::resize_spec{40, 20, domain::resize_mode::pad}; });
  padded.background = {255, 0, 0};
  const auto on_red = convert(encoded("png", gradient(pixel_layout::grey, 20, 20)), padded);
  REQUIRE(on_red);
  CHECK(decoded(on_red->outputs[0])->pixels.layout() == pixel_layout::rgb);
}

TEST_CASE("a picture that stays as it is stored keeps its orientation") {
  metadata meta;
  meta.exif = sample_exif(6);
  const auto file = encoded("jpeg", gradient(pixel_layout::rgb, 20, 10), meta);
  for (const auto* format : {"jpeg", "png", "webp"})
    for (const auto policy : {domain::metadata_policy::keep, domain::metadata_policy::strip}) {
      auto spec = spec_to(format);
      spec.orient = domain::orient_policy::none;
      spec.metadata = policy;
      const auto done = convert(file, spec);
      REQUIRE(done);
      const auto back = decoded(done->outputs[0]);
      CHECK(back->pixels.width() == 20);
      CHECK(back->orientation == 6);
      CHECK(done->report.losses.empty());
    }
  auto upright = spec_to("jpeg");
  upright.metadata = domain::metadata_policy::strip;
  const auto done = convert(file, upright);
  REQUIRE(done);
  CHECK(decoded(done->outputs[0])->meta.exif.empty());
}

TEST_CASE("XMP's orientation follows the pixels, and alone turns nothing") {
  const std::string xmp =
      R"(<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">)"
      R"(<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>)"
      R"(</rdf:RDF></x:xmpmeta>)";
  const auto orientation_in = [](const converted& done) {
    const auto meta = decoded(done.outputs[0])->meta.xmp;
    auto packet = parse_xmp(meta);
    REQUIRE(packet);
    const auto* orientation = packet->find(xmp_uri::tiff, "Orientation");
    REQUIRE(orientation != nullptr);
    return orientation->text;
  };
  metadata meta;
  meta.xmp.assign(xmp.begin(), xmp.end());
  const auto alone =
      convert(encoded("jpeg", gradient(pixel_layout::rgb, 20, 10), meta), spec_to("jpeg"));
  REQUIRE(alone);
  CHECK(alone->report.outputs[0].width == 20);
  CHECK(orientation_in(*alone) == "6");
  meta.exif = sample_exif(6);
  const auto both =
      convert(encoded("jpeg", gradient(pixel_layout::rgb, 20, 10), meta), spec_to("png"));
  REQUIRE(both);
  CHECK(both->report.outputs[0].width == 10);
  CHECK(orientation_in(*both) == "1");
}

TEST_CASE("a profile that cannot be used is dropped, whatever the output") {
  metadata broken;
  broken.icc =
      profile_of({.gamma = 100'000, .chromaticity = {}, .srgb_intent = {}, .cicp = {}}, false);
  broken.icc[36] = 'x';
  const auto file = encoded("jpeg", gradient(pixel_layout::rgb, 20, 20), broken);
  for (const auto* format : {"jpeg", "png", "webp"})
    CHECK(losses_of(file, spec_to(format)) == list{loss::icc_dropped});
  auto padded = broken;
  padded.icc[36] = 'a';
  const auto good = padded.icc;
  padded.icc.insert(padded.icc.end(), {0, 0});
  for (const auto* format : {"jpeg", "png", "webp"}) {
    const auto done =
        convert(encoded("jpeg", gradient(pixel_layout::rgb, 20, 20), padded), spec_to(format));
    REQUIRE(done);
    CHECK(done->report.losses.empty());
    CHECK(decoded(done->outputs[0])->meta.icc == good);
  }
}

TEST_CASE("metadata that is larger than what is kept costs no picture") {
  metadata meta;
  meta.exif = sample_exif(1);
  meta.exif.resize(limits::metadata_bytes_max + 1);
  meta.xmp.assign(limits::metadata_bytes_max + 1, ' ');
  const auto file = encoded("webp", gradient(pixel_layout::rgb, 20, 20), meta);
  for (const auto* format : {"jpeg", "png", "webp"})
    CHECK(losses_of(file, spec_to(format)) == list{loss::exif_dropped, loss::xmp_dropped});
}

TEST_CASE("cICP is kept by PNG, becomes a profile elsewhere, and is used for sRGB") {
  metadata p3;
  p3.colour.cicp = {12, 13, 0, 1};
  const auto file = encoded("png", solid(pixel_layout::rgb, 8, 8, {200, 50, 50}), p3);
  const auto png = convert(file, spec_to("png"));
  REQUIRE(png);
  CHECK(decoded(png->outputs[0])->meta.colour.cicp == p3.colour.cicp);
  const auto webp = convert(file, spec_to("webp"));
  REQUIRE(webp);
  CHECK(profile_fits(decoded(webp->outputs[0])->meta.icc, pixel_layout::rgb));
  CHECK(webp->report.losses.empty());
  auto to_srgb = spec_to("png");
  to_srgb.icc = domain::icc_policy::srgb;
  const auto srgb = convert(file, to_srgb);
  REQUIRE(srgb);
  CHECK(srgb->report.losses.list() == list{loss::icc_converted});
  const auto back = decoded(srgb->outputs[0]);
  CHECK_FALSE(back->meta.colour.cicp.has_value());
  CHECK(back->pixels.row(0)[0] > 208);
}

TEST_CASE("PQ and HLG are kept by PNG alone") {
  for (const std::uint8_t transfer : {16, 18}) {
    metadata hdr;
    hdr.colour.cicp = {9, transfer, 0, 1};
    const auto file = encoded("png", gradient(pixel_layout::rgb, 8, 8, 16), hdr);
    CHECK(losses_of(file, spec_to("png")).empty());
    CHECK(losses_of(file, spec_to("jpeg")) == list{loss::bit_depth_reduced, loss::hdr_dropped});
    auto srgb = spec_to("png");
    srgb.icc = domain::icc_policy::srgb;
    CHECK(losses_of(file, srgb) == list{loss::hdr_dropped});
    auto refused = spec_to("jpeg");
    refused.fail_on.add(loss::hdr_dropped);
    CHECK(failure_of(file, refused) == failure_reason::loss_not_allowed);
  }
}

TEST_CASE("grey with a profile keeps its samples in a lossless output") {
  metadata meta;
  meta.icc =
      profile_of({.gamma = 100'000, .chromaticity = {}, .srgb_intent = {}, .cicp = {}}, true);
  const auto grey = gradient(pixel_layout::grey, 20, 20);
  const auto done =
      convert(encoded("png", grey, meta), spec_to("webp", [](auto& o) { o.lossless = true; }));
  REQUIRE(done);
  CHECK(done->report.losses.empty());
  const auto back = decoded(done->outputs[0]);
  CHECK(profile_fits(back->meta.icc, pixel_layout::rgb));
  for (std::uint32_t x = 0; x < 20; ++x)
    CHECK(back->pixels.row(7)[3 * x] == grey.row(7)[x]);
}

TEST_CASE("CMYK without a profile is multiplied ink by ink, and 0 is full ink") {
  // Half of the cyan, nothing else.
  const auto rgb = cmyk_to_rgb(solid(pixel_layout::cmyk, 4, 4, {128, 255, 255, 255}));
  REQUIRE(rgb);
  CHECK(rgb->row(0)[0] == 128);
  CHECK(rgb->row(0)[1] == 255);
}

TEST_CASE(
    "colours of lossy WebP are averaged over two pixels, of JPEG 4:4:4 and lossless they are not") {
  auto lines = *image::make(pixel_layout::rgb, 64, 64, 8); // red on blue, one pixel wide
  for (std::uint32_t y = 0; y < 64; ++y)
    for (std::uint32_t x = 0; x < 64; ++x) {
      auto* pixel = lines.row(y) + 3 * x;
      pixel[0] = x % 2 == 0 ? 255 : 0;
      pixel[1] = 0;
      pixel[2] = x % 2 == 0 ? 0 : 255;
    }
  const auto file = encoded("png", lines);
  const auto through = [&](const domain::conversion_spec& spec) {
    return psnr(decoded(convert(file, spec)->outputs[0])->pixels, lines);
  };
  CHECK(through(spec_to("webp", [](auto& o) { o.quality = 95; })) < 15);
  CHECK(through(spec_to("jpeg", [](auto& o) {
          o.quality = 95;
          o.chroma = domain::chroma_subsampling::s444;
        })) > 30);
  CHECK(std::isinf(through(spec_to("webp", [](auto& o) { o.lossless = true; }))));
}

TEST_CASE("a lossless WebP that says its alpha is not used is opaque") {
  auto file = encoded("webp", gradient(pixel_layout::rgba, 20, 20), {}, {.lossless = true});
  REQUIRE(decoded(file)->pixels.layout() == pixel_layout::rgba);
  // RIFF head, chunk head, signature, 14 bits of width, 14 of height, then the hint (RFC
  // 9649, 3.4).
  REQUIRE(file.substr(12, 4) == "VP8L");
  file[24] = static_cast<char>(file[24] & ~0x10);
  CHECK(decoded(file)->pixels.layout() == pixel_layout::rgb);
}

TEST_CASE("one decode serves several outputs") {
  auto spec = spec_to("png");
  spec.outputs.push_back({.format = "jpeg"});
  spec.outputs.push_back({.format = "webp", .resize = domain::resize_spec{10, 10}});
  spec.outputs.push_back({.format = "png"});
  const auto picture = gradient(pixel_layout::rgba, 40, 40);
  const auto done = convert(encoded("png", picture), spec);
  REQUIRE(done);
  REQUIRE(done->outputs.size() == 4);
  CHECK(equal(decoded(done->outputs[0])->pixels, picture));
  CHECK(decoded(done->outputs[1])->pixels.layout() == pixel_layout::rgb);
  CHECK(decoded(done->outputs[2])->pixels.width() == 10);
  CHECK(equal(decoded(done->outputs[3])->pixels, picture));
  CHECK(done->report.losses.list() == list{loss::alpha_flattened});
}

TEST_CASE("a strict spec takes no damaged picture") {
  const auto file = encoded("png", noise(pixel_layout::rgb, 90, 90));
  const auto cut = file.substr(0, file.size() / 2);
  CHECK(losses_of(cut, spec_to("png")) == list{loss::truncated_salvaged});
  auto strict = spec_to("png");
  strict.strict = domain::strictness::strict;
  CHECK(failure_of(cut, strict) == failure_reason::truncated_input);
}

TEST_CASE("effort makes files smaller, not different") {
  const auto picture = gradient(pixel_layout::rgb, 200, 200);
  const auto fast = convert(encoded("png", picture), spec_to("png", [](auto& o) { o.effort = 0; }));
  const auto slow = convert(encoded("png", picture), spec_to("png", [](auto& o) { o.effort = 6; }));
  CHECK(slow->outputs[0].size() < fast->outputs[0].size());
  CHECK(equal(decoded(fast->outputs[0])->pixels, decoded(slow->outputs[0])->pixels));
}
