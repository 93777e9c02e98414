// A picture of few colours is smaller with a palette; what it looks like stays the same.
#pragma once

#include "codecs/image.hpp"

#include <array>
#include <optional>

namespace darkroom::codecs {

struct png_palette {
  // Red in the lowest byte, then green, blue, alpha; transparent ones first, which keeps tRNS
  // short.
  std::array<std::uint32_t, 256> colours{};
  std::size_t size = 0;
  std::uint8_t bit_depth = 8; // 1, 2, 4 or 8
  // Hash table from colour to index + 1; 0 is free.
  std::array<std::uint16_t, 1024> slots{};

  // Writes the index of each pixel of row `y`, one byte each.
  void index(const image& pixels, std::uint32_t y, std::uint8_t* out) const;
};

// The palette of an 8-bit RGB or RGBA picture with at most 256 colours; nothing otherwise. Grey
// stays grey: it is as small, and comes back as grey.
std::optional<png_palette> find_palette(const image& pixels);

} // namespace darkroom::codecs
