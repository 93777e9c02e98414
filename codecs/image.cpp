#include "codecs/image.hpp"

#include <cstring>

namespace darkroom::codecs {

result<image> image::make(pixel_layout layout, std::uint32_t width, std::uint32_t height,
                          std::uint8_t depth) {
  image made;
  made.layout_ = layout;
  made.depth_ = depth;
  made.width_ = width;
  made.height_ = height;
  const std::uint64_t samples =
      layout == pixel_layout::yuv420
          ? std::uint64_t{width} * height +
                2 * std::uint64_t{made.chroma_width()} * made.chroma_height()
          : std::uint64_t{width} * height * channels_of(layout);
  made.bytes_ = samples * (depth / 8);
  made.pixels_.reset(static_cast<std::uint8_t*>(std::malloc(made.capacity())));
  if (!made.pixels_)
    return fail(domain::failure_reason::limit_memory, "no memory for " + std::to_string(width) +
                                                          "x" + std::to_string(height) + " pixels");
  return made;
}

std::size_t image::row_bytes() const {
  const std::size_t samples =
      layout_ == pixel_layout::yuv420 ? width_ : std::size_t{width_} * channels();
  return samples * (depth_ / 8);
}

const std::uint8_t* image::plane(int n) const {
  const std::uint8_t* at = data();
  if (n > 0) at += std::size_t{width_} * height_;
  if (n > 1) at += std::size_t{chroma_width()} * chroma_height();
  return at;
}

void image::clear() {
  std::memset(data(), 0, bytes_);
}

} // namespace darkroom::codecs
