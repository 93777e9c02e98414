#include "codecs/crop.hpp"

#include <algorithm>

namespace darkroom::codecs {

namespace {

void copy_rows(const std::uint8_t* from, std::size_t from_stride, std::uint8_t* to,
               std::size_t row_bytes, std::uint32_t rows) {
  for (std::uint32_t y = 0; y < rows; ++y)
    std::copy_n(from + y * from_stride, row_bytes, to + y * row_bytes);
}

} // namespace

std::optional<pixel_area> clipped(const pixel_area& area, std::uint32_t width,
                                  std::uint32_t height) {
  if (area.x >= width || area.y >= height || area.width == 0 || area.height == 0)
    return std::nullopt;
  return pixel_area{area.x, area.y, std::min(area.width, width - area.x),
                    std::min(area.height, height - area.y)};
}

result<image> crop(const image& pixels, pixel_area area) {
  if (pixels.layout() == pixel_layout::yuv420) {
    area.width += area.x % 2;
    area.height += area.y % 2;
    area.x -= area.x % 2;
    area.y -= area.y % 2;
  }
  auto part = image::make(pixels.layout(), area.width, area.height, pixels.depth());
  if (!part) return part;
  if (pixels.layout() != pixel_layout::yuv420) {
    const std::size_t pixel_bytes = std::size_t{pixels.channels()} * (pixels.depth() / 8);
    copy_rows(pixels.row(area.y) + area.x * pixel_bytes, pixels.row_bytes(), part->data(),
              part->row_bytes(), area.height);
    return part;
  }
  copy_rows(pixels.row(area.y) + area.x, pixels.row_bytes(), part->data(), part->row_bytes(),
            area.height);
  for (const int n : {1, 2})
    copy_rows(pixels.plane(n) + std::size_t{area.y / 2} * pixels.chroma_width() + area.x / 2,
              pixels.chroma_width(), part->plane(n), part->chroma_width(), part->chroma_height());
  return part;
}

} // namespace darkroom::codecs
