#include "codecs/png_palette.hpp"

#include <algorithm>

namespace darkroom::codecs {

namespace {

std::uint32_t colour_at(const std::uint8_t* pixel, pixel_layout layout) {
  const std::uint32_t alpha = layout == pixel_layout::rgba ? pixel[3] : 255u;
  return pixel[0] | pixel[1] << 8 | pixel[2] << 16 | alpha << 24;
}

std::size_t hash(std::uint32_t colour) {
  return colour * 2'654'435'761u >> 22;
}

// Where the colour is, or the free slot where it would be.
std::size_t find_slot(const png_palette& p, std::uint32_t colour) {
  std::size_t at = hash(colour);
  while (p.slots[at] != 0 && p.colours[p.slots[at] - 1] != colour)
    at = (at + 1) % p.slots.size();
  return at;
}

void fill_slots(png_palette& p) {
  p.slots.fill(0);
  for (std::size_t i = 0; i < p.size; ++i)
    p.slots[find_slot(p, p.colours[i])] = static_cast<std::uint16_t>(i + 1);
}

std::uint8_t depth_for(std::size_t colours) {
  return colours <= 2 ? 1 : colours <= 4 ? 2 : colours <= 16 ? 4 : 8;
}

} // namespace

void png_palette::index(const image& pixels, std::uint32_t y, std::uint8_t* out) const {
  const std::uint8_t* pixel = pixels.row(y);
  for (std::uint32_t x = 0; x < pixels.width(); ++x, pixel += pixels.channels())
    out[x] =
        static_cast<std::uint8_t>(slots[find_slot(*this, colour_at(pixel, pixels.layout()))] - 1);
}

std::optional<png_palette> find_palette(const image& pixels) {
  if (pixels.depth() != 8 || is_grey(pixels.layout())) return std::nullopt;
  png_palette p;
  for (std::uint32_t y = 0; y < pixels.height(); ++y) {
    const std::uint8_t* pixel = pixels.row(y);
    for (std::uint32_t x = 0; x < pixels.width(); ++x, pixel += pixels.channels()) {
      const std::uint32_t colour = colour_at(pixel, pixels.layout());
      const std::size_t slot = find_slot(p, colour);
      if (p.slots[slot] != 0) continue;
      if (p.size == p.colours.size()) return std::nullopt;
      p.colours[p.size++] = colour;
      p.slots[slot] = static_cast<std::uint16_t>(p.size);
    }
  }
  std::sort(p.colours.begin(), p.colours.begin() + static_cast<std::ptrdiff_t>(p.size),
            [](std::uint32_t a, std::uint32_t b) {
              return std::pair{a >> 24, a} < std::pair{b >> 24, b};
            });
  p.bit_depth = depth_for(p.size);
  fill_slots(p);
  return p;
}

} // namespace darkroom::codecs
