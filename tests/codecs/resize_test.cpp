#include "codecs/resize.hpp"

#include "codecs/alpha.hpp"
#include "codecs/orient.hpp"
#include "pictures.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cmath>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace darkroom::tests;
using domain::resize_mode;
using domain::resize_spec;

namespace {

std::string planned(std::uint32_t width, std::uint32_t height, resize_spec asked) {
  const auto p = plan_resize(width, height, asked);
  std::string text = std::to_string(p.scaled_width) + "x" + std::to_string(p.scaled_height);
  if (p.padded())
    text += " on " + std::to_string(p.canvas_width) + "x" + std::to_string(p.canvas_height);
  if (p.width != 1 || p.height != 1)
    text += " of " + std::to_string(std::lround(p.width * width)) + "x" +
            std::to_string(std::lround(p.height * height));
  return p.upscaled ? text + " upscaled" : text;
}

} // namespace

TEST_CASE("geometry of every mode") {
  CHECK(planned(4000, 3000, {1600, 1600, resize_mode::fit}) == "1600x1200");
  CHECK(planned(3000, 4000, {1600, 1600, resize_mode::fit}) == "1200x1600");
  CHECK(planned(4000, 3000, {1600, 0, resize_mode::fit}) == "1600x1200");
  CHECK(planned(4000, 3000, {0, 600, resize_mode::fit}) == "800x600");
  CHECK(planned(800, 600, {1600, 1600, resize_mode::fit}) == "800x600");
  CHECK(planned(800, 600, {1600, 1600, resize_mode::fit, true}) == "1600x1200 upscaled");
  CHECK(planned(10000, 1, {100, 100, resize_mode::fit}) == "100x1");
  CHECK(planned(4000, 3000, {1000, 1000, resize_mode::fill}) == "1000x1000 of 3000x3000");
  CHECK(planned(800, 600, {1000, 500, resize_mode::fill}) == "800x500 of 800x500");
  CHECK(planned(800, 600, {1600, 1600, resize_mode::fill, true}) ==
        "1600x1600 of 600x600 upscaled");
  CHECK(planned(4000, 3000, {1000, 1000, resize_mode::pad}) == "1000x750 on 1000x1000");
  CHECK(planned(800, 600, {1000, 1000, resize_mode::pad}) == "800x600 on 1000x1000");
  CHECK(planned(4000, 3000, {1000, 100, resize_mode::stretch}) == "1000x100");
  CHECK(planned(800, 600, {1000, 100, resize_mode::stretch}) == "800x100");
}

TEST_CASE("a gradient stays a gradient in every layout and depth") {
  for (const auto layout : {pixel_layout::grey, pixel_layout::rgb, pixel_layout::yuv420})
    for (const std::uint8_t depth : {8, 16}) {
      if (layout == pixel_layout::yuv420 && depth == 16) continue;
      const auto big = layout == pixel_layout::yuv420 ? solid(pixel_layout::yuv420, 201, 101, {90})
                                                      : gradient(layout, 200, 100, depth);
      const auto plan = plan_resize(big.width(), big.height(), resize_spec{50, 25});
      const auto small = resize(big, plan, {});
      REQUIRE(small);
      CHECK(small->width() == 50);
      const auto expected = layout == pixel_layout::yuv420
                                ? solid(pixel_layout::yuv420, 50, 25, {90})
                                : gradient(layout, 50, 25, depth);
      CHECK(psnr(*small, expected) > 30);
    }
}

TEST_CASE("what is transparent does not bleed into what is not") {
  auto picture = image::make(pixel_layout::rgba, 64, 64, 8);
  for (std::uint32_t y = 0; y < 64; ++y)
    for (std::uint32_t x = 0; x < 64; ++x) {
      std::uint8_t* p = picture->row(y) + x * 4;
      const bool left = x < 32; // opaque red beside transparent green
      p[0] = left ? 255 : 0;
      p[1] = left ? 0 : 255;
      p[2] = 0;
      p[3] = left ? 255 : 0;
    }
  const auto small = resize(*picture, plan_resize(64, 64, resize_spec{20, 20}), {});
  REQUIRE(small);
  for (std::uint32_t y = 0; y < 20; ++y)
    for (std::uint32_t x = 0; x < 20; ++x) {
      const std::uint8_t* p = small->row(y) + x * 4;
      if (p[3] > 8) CHECK(p[1] < 8);
    }
}

TEST_CASE("padding has the background's colour, the picture is in the middle") {
  const auto picture = solid(pixel_layout::rgb, 10, 20, {1, 2, 3});
  const auto padded =
      resize(picture, plan_resize(10, 20, resize_spec{40, 20, resize_mode::pad}), {200, 100, 50});
  REQUIRE(padded);
  CHECK(padded->width() == 40);
  CHECK(padded->row(10)[0] == 200);
  CHECK(padded->row(10)[14 * 3] == 200);
  CHECK(padded->row(10)[15 * 3] == 1);
  CHECK(padded->row(10)[24 * 3 + 2] == 3);
  CHECK(padded->row(10)[25 * 3 + 1] == 100);
}

TEST_CASE("every column is made of the pixels where it lies, at every size") {
  const auto worst_of = [](std::uint32_t from, std::uint32_t to, std::uint8_t depth) {
    auto ramp = *image::make(pixel_layout::grey, from, 8, depth);
    const double unit = depth == 8 ? 1 : 256;
    const auto level = [&](double at, double side) { return unit * (20 + 200 * at / side); };
    for (std::uint32_t y = 0; y < ramp.height(); ++y)
      for (std::uint32_t x = 0; x < from; ++x) {
        const auto value = std::lround(level(x + 0.5, from));
        if (depth == 8)
          ramp.row(y)[x] = static_cast<std::uint8_t>(value);
        else
          ramp.row16(y)[x] = static_cast<std::uint16_t>(value);
      }
    const auto small =
        resize(ramp, plan_resize(from, 8, {{to, 8, domain::resize_mode::stretch, true}}), {});
    REQUIRE(small);
    double worst = 0;
    for (std::uint32_t x = 4; x + 4 < to; ++x) { // at the border the filter repeats the last pixel
      const double value = depth == 8 ? small->row(0)[x] : small->row16(0)[x];
      worst = std::max(worst, std::abs(value - level(x + 0.5, to)) / unit);
    }
    return worst;
  };
  for (std::uint32_t from = 301; from < 900; from += 14)
    for (std::uint32_t to = 100; to < 2 * from; to += 13) {
      INFO(from << " to " << to);
      REQUIRE(worst_of(from, to, 8) < 1.5);
      REQUIRE(worst_of(from, to, 16) < 1.5);
    }
}

TEST_CASE("chroma stays where luma is, whatever size is odd") {
  struct sizes {
    std::uint32_t from, to;
  };
  for (const auto [from, to] : {sizes{400, 200},
                                {401, 201},
                                {400, 201},
                                {401, 200},
                                {1001, 333},
                                {640, 45},
                                {33, 31},
                                {31, 33}}) {
    INFO(from << " to " << to);
    // Every plane is a ramp over the picture, along both sides.
    auto picture = *image::make(pixel_layout::yuv420, from, from, 8);
    const auto level = [](double at, double side) { return 20 + 100 * at / side; };
    for (int p = 0; p < 3; ++p) {
      const std::uint32_t step = p == 0 ? 1 : 2, side = (from + step - 1) / step;
      for (std::uint32_t y = 0; y < side; ++y)
        for (std::uint32_t x = 0; x < side; ++x)
          picture.plane(p)[y * side + x] = static_cast<std::uint8_t>(
              std::lround(level((x + 0.5) * step, from) + level((y + 0.5) * step, from)));
    }
    const auto small = resize(
        picture, plan_resize(from, from, {{to, to, domain::resize_mode::stretch, true}}), {});
    REQUIRE(small);
    for (int p = 0; p < 3; ++p) {
      const std::uint32_t step = p == 0 ? 1 : 2, side = (to + step - 1) / step;
      // At the border the filter repeats the last sample.
      const std::uint32_t border = 4;
      double worst = 0;
      for (std::uint32_t at = border; at + border < side; ++at) {
        const double expected = 2 * level((at + 0.5) * step, to);
        worst = std::max(worst, std::abs(expected - small->plane(p)[at * side + at]));
      }
      INFO("plane " << p);
      CHECK(worst < 1.6);
    }
  }
}

TEST_CASE("fill cuts what hangs over, on both sides alike") {
  const auto picture = gradient(pixel_layout::rgb, 200, 100);
  const auto square =
      resize(picture, plan_resize(200, 100, resize_spec{50, 50, resize_mode::fill}), {});
  REQUIRE(square);
  CHECK(std::abs(square->row(25)[0] - 255 / 4) < 6);
  CHECK(std::abs(square->row(25)[49 * 3] - 255 * 3 / 4) < 6);
}

TEST_CASE("the eight orientations undo each other") {
  constexpr std::uint8_t inverse[] = {0, 1, 2, 3, 4, 5, 8, 7, 6};
  for (const auto layout :
       {pixel_layout::grey, pixel_layout::grey_alpha, pixel_layout::rgb, pixel_layout::rgba})
    for (const std::uint8_t depth : {8, 16})
      for (std::uint8_t o = 1; o <= 8; ++o) {
        const auto picture = gradient(layout, 45, 70, depth);
        auto turned = orient(gradient(layout, 45, 70, depth), o);
        REQUIRE(turned);
        CHECK(turned->width() == (o >= 5 ? 70u : 45u));
        auto back = orient(std::move(*turned), inverse[o]);
        REQUIRE(back);
        CHECK(equal(*back, picture));
      }
}

TEST_CASE("each orientation brings the right corner to the top left") {
  // 2×3 pixels, row by row: a b / c d / e f
  const char* first[] = {"", "ab", "ba", "fe", "ef", "ac", "ec", "fd", "bd"};
  for (std::uint8_t o = 1; o <= 8; ++o) {
    auto picture = image::make(pixel_layout::grey, 2, 3, 8);
    for (int i = 0; i < 6; ++i)
      picture->data()[i] = static_cast<std::uint8_t>('a' + i);
    const auto turned = orient(std::move(*picture), o);
    REQUIRE(turned);
    INFO(int{o});
    CHECK(std::string{reinterpret_cast<const char*>(turned->data()), 2} == first[o]);
  }
}

TEST_CASE("4:2:0 is turned only where chroma does not cross an odd edge") {
  CHECK(can_orient(pixel_layout::yuv420, 10, 10, 6));
  CHECK(can_orient(pixel_layout::yuv420, 11, 10, 4));
  CHECK_FALSE(can_orient(pixel_layout::yuv420, 11, 10, 2));
  CHECK_FALSE(can_orient(pixel_layout::yuv420, 10, 11, 6));
  CHECK(can_orient(pixel_layout::rgb, 11, 11, 7));
}

TEST_CASE("flattening blends with the background and says if it mattered") {
  bool transparent = true;
  const auto opaque =
      flatten(solid(pixel_layout::rgba, 2, 2, {9, 8, 7, 255}), {1, 2, 3}, &transparent);
  REQUIRE(opaque);
  CHECK_FALSE(transparent);
  CHECK(equal(*opaque, solid(pixel_layout::rgb, 2, 2, {9, 8, 7})));
  const auto half =
      flatten(solid(pixel_layout::grey_alpha, 2, 2, {200, 0}), {255, 0, 0}, &transparent);
  REQUIRE(half);
  CHECK(transparent);
  CHECK(equal(*half, solid(pixel_layout::rgb, 2, 2, {255, 0, 0})));
  const auto deep =
      flatten(solid(pixel_layout::rgba, 1, 1, {65535, 0, 0, 32768}, 16), {0, 0, 0}, &transparent);
  REQUIRE(deep);
  CHECK(std::abs(deep->row16(0)[0] - 32768) <= 1);
}

TEST_CASE("16 bits are rounded to 8") {
  const auto eight = reduce_depth(solid(pixel_layout::rgb, 1, 1, {65535, 128, 129}, 16));
  REQUIRE(eight);
  CHECK(eight->data()[0] == 255);
  CHECK(eight->data()[1] == 0);
  CHECK(eight->data()[2] == 1);
}
