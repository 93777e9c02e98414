// Real images. Skipped where the corpus is not there.
#include "pictures.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace darkroom::tests;
using domain::failure_reason;
using domain::loss;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> files_in(const std::string& below) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(corpus(below)))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::ranges::sort(files);
  REQUIRE_FALSE(files.empty());
  return files;
}

std::string ended(const std::string& file, const domain::conversion_spec& spec) {
  const auto done = convert(content_of(file), spec);
  if (!done) return std::string{to_string(done.error().reason)};
  std::string text = "ok";
  for (const auto l : done->report.losses.list())
    text += " " + std::string{to_string(l)};
  return text;
}

} // namespace

TEST_CASE("PngSuite to PNG: the same pixels, gamma and chromaticities; the broken ones fail") {
  for (const auto& path : files_in("pngsuite")) {
    const auto name = path.filename().string();
    INFO(name);
    const auto file = content_of(path);
    const auto done = convert(file, spec_to("png"));
    if (name == "xcsn0g01.png") { // a wrong checksum over pixels that can be read
      REQUIRE(done);
      CHECK(done->report.losses.list() == std::vector{loss::damage_salvaged});
      continue;
    }
    if (name.starts_with("x")) {
      REQUIRE_FALSE(done);
      CHECK((done.error().reason == failure_reason::corrupt_input ||
             done.error().reason == failure_reason::unsupported_format));
      continue;
    }
    REQUIRE(done);
    CHECK(done->report.losses.empty());
    const auto before = decoded(file), after = decoded(done->outputs[0]);
    REQUIRE(before);
    REQUIRE(after);
    CHECK(before->meta.colour.gamma == after->meta.colour.gamma);
    CHECK(before->meta.colour.chromaticity == after->meta.colour.chromaticity);
    // A palette may come back as RGB and the other way round: compare as 8- or 16-bit RGBA.
    const auto reference = convert(file, spec_to("png"));
    CHECK(equal(after->pixels, decoded(reference->outputs[0])->pixels));
    if (before->pixels.layout() == after->pixels.layout())
      CHECK(equal(before->pixels, after->pixels));
  }
}

TEST_CASE("PngSuite to lossless WebP: equal where WebP can hold it, else the declared loss") {
  for (const auto& path : files_in("pngsuite")) {
    const auto name = path.filename().string();
    if (name.starts_with("x")) continue;
    INFO(name);
    const auto file = content_of(path);
    const auto done = convert(file, spec_to("webp", [](auto& o) { o.lossless = true; }));
    REQUIRE(done);
    const auto before = decoded(file), after = decoded(done->outputs[0]);
    REQUIRE(after);
    std::vector<loss> expected;
    if (before->pixels.depth() == 16) expected.push_back(loss::bit_depth_reduced);
    if (name.starts_with("ct") && !name.starts_with("ct0")) expected.push_back(loss::text_dropped);
    // Pixels that are not square, and WebP cannot say so.
    if (name.starts_with("cdf") || name.starts_with("cdh"))
      expected.push_back(loss::density_dropped);
    CHECK(done->report.losses.list() == expected);
    if (before->pixels.depth() == 8 && before->pixels.layout() == after->pixels.layout())
      CHECK(equal(before->pixels, after->pixels));
  }
}

TEST_CASE("the sixteen oriented photos are all upright and look the same") {
  for (const std::string kind : {"Landscape", "Portrait"}) {
    const auto reference =
        convert(content_of(corpus("valid/orientation") + "/" + kind + "_1.jpg"), spec_to("png"));
    REQUIRE(reference);
    const auto upright = decoded(reference->outputs[0]);
    for (int o = 2; o <= 8; ++o) {
      INFO(kind << ' ' << o);
      const auto done = convert(
          content_of(corpus("valid/orientation") + "/" + kind + "_" + std::to_string(o) + ".jpg"),
          spec_to("png"));
      REQUIRE(done);
      const auto turned = decoded(done->outputs[0]);
      REQUIRE(turned);
      CHECK(turned->orientation == 1);
      // Each shows its own number: nearly the same pictures. Turned wrongly, they are below 15 dB.
      CHECK(psnr(upright->pixels, turned->pixels) > 20);
    }
  }
}

TEST_CASE("hostile images end with their named reason, or a declared salvage") {
  const std::map<std::string, std::string> expected{
      {"65536-uint32-limit.png", "limit_dimensions"},
      {"bomb-16383x16383-32-bytes.webp", "limit_pixels"},
      {"bomb-2000-scans.jpg", "limit_frames"},
      {"bomb-200000-text-chunks.png", "ok text_dropped"},
      {"bomb-30000x30000-1bit.png", "limit_dimensions"},
      {"bomb-65500x65500-progressive.jpg", "limit_dimensions"},
      {"bomb-iccp-200MB.png", "ok icc_dropped"},
      {"bomb-ztxt-200MB.png", "ok text_dropped"},
      {"corrupt-header.jpg", "truncated_input"},
      {"corrupted.jpg", "corrupt_input"},
      {"giant-image.jpg", "limit_dimensions"},
      {"truncated.jpg", "ok truncated_salvaged"},
      {"truncated.png", "ok truncated_salvaged"},
      {"unsupported.gif", "unsupported_format"}};
  for (const auto& path : files_in("hostile")) {
    INFO(path.filename());
    const auto known = expected.find(path.filename().string());
    if (known != expected.end()) CHECK(ended(path, spec_to("webp")) == known->second);
  }
}

TEST_CASE("valid images convert, with what is lost declared") {
  const std::map<std::string, std::string> expected{
      {"16-bit-grey-alpha.png", "ok bit_depth_reduced icc_converted"},
      {"4.webp", "ok"},
      {"Channel_digital_image_CMYK_color.jpg", "ok cmyk_converted iptc_dropped"},
      {"Channel_digital_image_CMYK_color_no_profile.jpg", "ok cmyk_converted"},
      {"Flag_of_the_Netherlands-16bit.png", "ok bit_depth_reduced text_dropped"},
      {"animated-loop-3.webp", "unsupported_format"},
      {"gamma_dalai_lama_gray.jpg", "ok comment_dropped"},
      {"monkey12.jpg", "unsupported_format"},
      {"testimgari.jpg", "ok"}, // arithmetic coding
      {"testimgl.jpg", "unsupported_format"},
      {"lossy_alpha1.webp", "ok"}};
  const auto folder = corpus("valid") + "/"; // may skip, which it cannot inside of a check
  for (const auto& [name, how] : expected) {
    INFO(name);
    CHECK(ended(folder + name, spec_to("webp")) == how);
  }
  auto first = spec_to("png");
  first.animation = domain::animation_policy::first_frame;
  CHECK(ended(folder + "animated-loop-3.webp", first) == "ok animation_dropped");
}

TEST_CASE("CMYK has the same pixels with Adobe's marker and without it") {
  auto with = content_of(corpus("valid") + "/Channel_digital_image_CMYK_color_no_profile.jpg");
  // The first marker: its code, its length of 14, "Adobe", and the transform at its end.
  constexpr std::size_t begin = 2, size = 16;
  REQUIRE(with.substr(begin, 9) == std::string("\xff\xee\0\x0e"
                                               "Adobe",
                                               9));
  with[begin + size - 1] = 0; // CMYK instead of YCCK, which only the marker can say
  auto without = with;
  without.erase(begin, size);
  const auto a = decoded(with), b = decoded(without);
  REQUIRE(a);
  REQUIRE(b);
  CHECK(a->pixels.layout() == pixel_layout::cmyk);
  CHECK(equal(a->pixels, b->pixels));
}

TEST_CASE("photos stay what they were: PSNR through YCbCr within 0.3 dB of the way through RGB") {
  for (const auto* name : {"30-type_error.jpg", "jolla.jpg", "36-memory_error.jpg"}) {
    INFO(name);
    const auto file = content_of(corpus("photos") + "/" + name);
    const auto rgb = decoded(file);
    REQUIRE(rgb);
    const auto direct = convert(file, spec_to("webp"));
    REQUIRE(direct);
    const auto through_rgb = decoded(encoded("webp", rgb->pixels));
    const auto back = decoded(direct->outputs[0]);
    CHECK(psnr(back->pixels, rgb->pixels) > psnr(through_rgb->pixels, rgb->pixels) - 0.3);
  }
}

namespace {

// What other programs say to an output. Which of them are there is checked by the caller.
struct validator {
  std::string format, program, command; // %: the file
};
const std::vector<validator> validators{{"png", "pngcheck", "pngcheck -q %"},
                                        {"jpeg", "djpeg", "djpeg -strict -outfile /dev/null %"},
                                        {"webp", "webpinfo", "webpinfo -quiet %"}};

int status_of(std::string command, const std::string& file) {
  const auto at = command.find('%');
  if (at != std::string::npos) command.replace(at, 1, "'" + file + "'");
  return std::system((command + " >/dev/null 2>&1").c_str());
}

} // namespace

TEST_CASE("every output of the corpus is valid to other programs") {
  for (const auto& v : validators)
    if (status_of("command -v " + v.program, "") != 0) SKIP(v.program << " is not installed");
  const scratch dir;
  for (const auto* folder : {"photos", "pngsuite", "valid", "hostile"})
    for (const auto& path : files_in(folder)) {
      const auto file = content_of(path);
      for (const auto& v : validators) {
        auto spec = spec_to(v.format, [](auto& o) { o.effort = 1; });
        spec.animation = domain::animation_policy::first_frame;
        const auto done = convert(file, spec);
        if (!done) continue; // by its reason: in the other cases
        INFO(path << " to " << v.format);
        const auto output = dir.write("output." + v.format, done->outputs[0]);
        CHECK(status_of(v.command, output) == 0);
      }
    }
}
