#include "codecs/orient.hpp"

#include <algorithm>
#include <cstring>

namespace darkroom::codecs {

namespace {

// Where a pixel of the upright picture comes from: column and row of the stored one are taken from
// x or y (crosswise if `turned`), counted from the far edge if mirrored.
struct mapping {
  bool turned, mirror_x, mirror_y; // of the stored picture
};

constexpr mapping mapping_of(std::uint8_t orientation) {
  switch (orientation) {
  case 2:
    return {false, true, false};
  case 3:
    return {false, true, true};
  case 4:
    return {false, false, true};
  case 5:
    return {true, false, false};
  case 6:
    return {true, false, true};
  case 7:
    return {true, true, true};
  case 8:
    return {true, true, false};
  default:
    return {false, false, false};
  }
}

// One plane, or interleaved pixels of N bytes. Works in tiles so that a turn stays in the cache.
template<std::size_t N>
void map_pixels(const std::uint8_t* from, std::uint8_t* to, std::uint32_t width,
                std::uint32_t height, mapping m) {
  constexpr std::uint32_t tile = 32;
  const std::uint32_t out_width = m.turned ? height : width;
  const std::uint32_t out_height = m.turned ? width : height;
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(width) * static_cast<std::ptrdiff_t>(N);
  const std::ptrdiff_t step_x = m.mirror_x ? -static_cast<std::ptrdiff_t>(N) : N;
  const std::ptrdiff_t step_y = m.mirror_y ? -row : row;
  const std::uint8_t* origin = from + (m.mirror_x ? row - static_cast<std::ptrdiff_t>(N) : 0) +
                               (m.mirror_y ? row * (std::ptrdiff_t{height} - 1) : 0);
  const std::ptrdiff_t along_x = m.turned ? step_y : step_x; // one pixel right in the output
  const std::ptrdiff_t along_y = m.turned ? step_x : step_y; // one pixel down in the output
  for (std::uint32_t ty = 0; ty < out_height; ty += tile)
    for (std::uint32_t tx = 0; tx < out_width; tx += tile) {
      const std::uint32_t y_end = std::min(ty + tile, out_height);
      const std::uint32_t x_end = std::min(tx + tile, out_width);
      for (std::uint32_t y = ty; y < y_end; ++y) {
        const std::uint8_t* source =
            origin + along_x * std::ptrdiff_t{tx} + along_y * std::ptrdiff_t{y};
        std::uint8_t* target = to + (std::size_t{y} * out_width + tx) * N;
        for (std::uint32_t x = tx; x < x_end; ++x, source += along_x, target += N)
          std::memcpy(target, source, N);
      }
    }
}

void map_any(const std::uint8_t* from, std::uint8_t* to, std::uint32_t width, std::uint32_t height,
             std::size_t pixel_bytes, mapping m) {
  switch (pixel_bytes) {
  case 1:
    return map_pixels<1>(from, to, width, height, m);
  case 2:
    return map_pixels<2>(from, to, width, height, m);
  case 3:
    return map_pixels<3>(from, to, width, height, m);
  case 4:
    return map_pixels<4>(from, to, width, height, m);
  case 6:
    return map_pixels<6>(from, to, width, height, m);
  default:
    return map_pixels<8>(from, to, width, height, m);
  }
}

} // namespace

bool can_orient(pixel_layout layout, std::uint32_t width, std::uint32_t height,
                std::uint8_t orientation) {
  const auto m = mapping_of(orientation);
  if (layout != pixel_layout::yuv420) return true;
  return !(m.mirror_x && width % 2 != 0) && !(m.mirror_y && height % 2 != 0);
}

result<image> orient(image pixels, std::uint8_t orientation) {
  if (orientation <= 1 || orientation > 8) return pixels;
  const auto m = mapping_of(orientation);
  auto out = image::make(pixels.layout(), m.turned ? pixels.height() : pixels.width(),
                         m.turned ? pixels.width() : pixels.height(), pixels.depth());
  if (!out) return out;
  if (pixels.layout() != pixel_layout::yuv420) {
    map_any(pixels.data(), out->data(), pixels.width(), pixels.height(),
            std::size_t{pixels.channels()} * (pixels.depth() / 8), m);
    return out;
  }
  map_any(pixels.plane(0), out->plane(0), pixels.width(), pixels.height(), 1, m);
  for (const int p : {1, 2})
    map_any(pixels.plane(p), out->plane(p), pixels.chroma_width(), pixels.chroma_height(), 1, m);
  return out;
}

} // namespace darkroom::codecs
