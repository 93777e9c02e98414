// A part of a picture by itself.
#pragma once

#include "codecs/image.hpp"

namespace darkroom::codecs {

// In pixels of the picture, from its upper left corner.
struct pixel_area {
  std::uint32_t x = 0, y = 0, width = 0, height = 0;
  bool operator==(const pixel_area&) const = default;
};

// The part of `area` that lies within a picture of this size; nothing when none does.
std::optional<pixel_area> clipped(const pixel_area& area, std::uint32_t width,
                                  std::uint32_t height);

// `area` lies within the picture. With yuv420 its corner is moved to even coordinates, where a
// chroma sample begins: the result is up to a pixel wider and higher.
result<image> crop(const image& pixels, pixel_area area);

} // namespace darkroom::codecs
