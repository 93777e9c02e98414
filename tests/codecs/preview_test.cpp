// Parts of pictures, and smaller ones, as previews show them.
#include "codecs/crop.hpp"
#include "codecs/preview.hpp"
#include "pictures.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cmath>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace darkroom::tests;
using domain::resize_mode;
using domain::resize_spec;

namespace {

std::string size_at(std::uint32_t width, const std::optional<resize_spec>& asked,
                    std::uint32_t shown) {
  domain::output_spec output;
  output.resize = asked;
  const auto smaller = at_width(output, plan_resize(width, width / 2, asked), shown);
  const auto p = plan_resize(width, width / 2, smaller.resize);
  std::string text = std::to_string(p.canvas_width) + "x" + std::to_string(p.canvas_height);
  if (p.padded())
    text += " around " + std::to_string(p.scaled_width) + "x" + std::to_string(p.scaled_height);
  if (p.width != 1 || p.height != 1)
    text += " of " + std::to_string(std::lround(p.width * width)) + "x" +
            std::to_string(std::lround(p.height * width / 2));
  return text;
}

} // namespace

TEST_CASE("an area is cut to the picture") {
  CHECK(clipped({0, 0, 10, 10}, 10, 10) == pixel_area{0, 0, 10, 10});
  CHECK(clipped({4, 5, 100, 100}, 10, 10) == pixel_area{4, 5, 6, 5});
  CHECK(clipped({9, 9, 0xffffffff, 0xffffffff}, 10, 10) == pixel_area{9, 9, 1, 1});
  CHECK_FALSE(clipped({10, 0, 1, 1}, 10, 10));
  CHECK_FALSE(clipped({0, 10, 1, 1}, 10, 10));
  CHECK_FALSE(clipped({0, 0, 0, 1}, 10, 10));
  CHECK_FALSE(clipped({0, 0, 1, 0}, 10, 10));
}

TEST_CASE("a part has the pixels of its place, in every layout and depth") {
  for (const auto layout : {pixel_layout::grey, pixel_layout::grey_alpha, pixel_layout::rgb,
                            pixel_layout::rgba, pixel_layout::cmyk})
    for (const std::uint8_t depth : {8, 16}) {
      const auto whole = gradient(layout, 21, 17, depth);
      const auto part = crop(whole, {3, 5, 11, 12});
      REQUIRE(part);
      CHECK(part->layout() == layout);
      CHECK(part->depth() == depth);
      REQUIRE(part->width() == 11);
      REQUIRE(part->height() == 12);
      const std::size_t pixel = std::size_t{whole.channels()} * depth / 8;
      bool equal = true;
      for (std::uint32_t y = 0; y < 12; ++y)
        equal = equal &&
                std::equal(part->row(y), part->row(y) + 11 * pixel, whole.row(y + 5) + 3 * pixel);
      CHECK(equal);
    }
}

TEST_CASE("a part of planes begins where a chroma sample does") {
  auto whole = image::make(pixel_layout::yuv420, 9, 7, 8).value();
  for (std::size_t i = 0; i < whole.bytes(); ++i)
    whole.data()[i] = static_cast<std::uint8_t>(i);
  struct row {
    pixel_area asked;
    std::uint32_t x, y, width, height;
  };
  for (const auto& [asked, x, y, width, height] : {row{{2, 4, 3, 3}, 2, 4, 3, 3},
                                                   {{3, 3, 4, 4}, 2, 2, 5, 5},
                                                   {{8, 6, 1, 1}, 8, 6, 1, 1},
                                                   {{0, 0, 9, 7}, 0, 0, 9, 7},
                                                   {{7, 5, 2, 2}, 6, 4, 3, 3}}) {
    const auto part = crop(whole, asked);
    REQUIRE(part);
    REQUIRE(part->width() == width);
    REQUIRE(part->height() == height);
    CHECK(part->row(height - 1)[width - 1] == whole.row(y + height - 1)[x + width - 1]);
    for (const int n : {0, 1, 2}) {
      CHECK(part->plane(n)[0] ==
            whole.plane(n)[n == 0 ? y * 9 + x : y / 2 * whole.chroma_width() + x / 2]);
    }
    // The last sample of the last plane.
    CHECK(part->data()[part->bytes() - 1] ==
          whole.plane(2)[(y / 2 + part->chroma_height() - 1) * whole.chroma_width() + x / 2 +
                         part->chroma_width() - 1]);
  }
}

TEST_CASE("an output is made smaller in its own way") {
  CHECK(size_at(4000, std::nullopt, 1000) == "1000x500");
  CHECK(size_at(4000, resize_spec{2000, 2000}, 1000) == "1000x500");
  CHECK(size_at(4000, resize_spec{800, 800}, 1000) == "800x400");
  CHECK(size_at(4000, resize_spec{2000, 2000, resize_mode::fill}, 500) == "500x500 of 2000x2000");
  CHECK(size_at(4000, resize_spec{2000, 2000, resize_mode::pad}, 500) == "500x500 around 500x250");
  CHECK(size_at(4000, resize_spec{3000, 300, resize_mode::stretch}, 1000) == "1000x100");
  CHECK(size_at(400, resize_spec{4000, 4000, resize_mode::fit, true}, 1000) == "1000x500");
  // A small picture in a large frame would fill a smaller frame.
  CHECK(size_at(400, resize_spec{4000, 4000, resize_mode::pad}, 1000) ==
        "4000x4000 around 400x200");
}

TEST_CASE("the bytes of the whole are more than those shown, and less a pixel") {
  CHECK(estimated_bytes(1'000, 100, 100) == 1'000);
  CHECK(estimated_bytes(1'000, 100, 50) == 1'000);
  CHECK(estimated_bytes(1'000, 0, 50) == 1'000);
  CHECK(estimated_bytes(1'000, 100, 1'600) == 8'000);
}

TEST_CASE("a conversion writes the part of the output that is asked for") {
  const auto whole = gradient(pixel_layout::rgb, 64, 48);
  const auto file = encoded("png", whole);
  const auto part = tests::convert(file, spec_to("png"), {}, pixel_area{10, 20, 30, 100});
  REQUIRE(part);
  CHECK(part->report.outputs[0].width == 30);
  CHECK(part->report.outputs[0].height == 28);
  CHECK(equal(decoded(part->outputs[0])->pixels, *crop(whole, {10, 20, 30, 28})));

  // In pixels of the output, not of the source.
  const auto smaller =
      spec_to("png", [](auto& o) { o.resize = resize_spec{32, 24, resize_mode::stretch}; });
  const auto all = tests::convert(file, smaller);
  const auto corner = tests::convert(file, smaller, {}, pixel_area{24, 16, 8, 8});
  REQUIRE(corner);
  CHECK(equal(decoded(corner->outputs[0])->pixels,
              *crop(decoded(all->outputs[0])->pixels, {24, 16, 8, 8})));
  const auto outside = tests::convert(file, smaller, {}, pixel_area{32, 0, 8, 8});
  REQUIRE_FALSE(outside);
}
