// Pixels in memory.
#pragma once

#include "codecs/codec_error.hpp"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace darkroom::codecs {

enum class pixel_layout : std::uint8_t {
  grey,
  grey_alpha,
  rgb,
  rgba,
  cmyk,   // 0 is full ink, as Adobe's JPEGs store it
  yuv420, // planes Y, U, V; full range as in JPEG; chroma is half as wide and high, rounded up
};

constexpr std::uint32_t channels_of(pixel_layout layout) {
  constexpr std::uint32_t counts[] = {1, 2, 3, 4, 4, 3};
  return counts[static_cast<std::size_t>(layout)];
}
constexpr bool has_alpha(pixel_layout layout) {
  return layout == pixel_layout::grey_alpha || layout == pixel_layout::rgba;
}
constexpr bool is_grey(pixel_layout layout) {
  return layout == pixel_layout::grey || layout == pixel_layout::grey_alpha;
}

// Interleaved rows without padding, except `yuv420`, which has three planes one behind another.
// 16-bit samples are in the machine's byte order. Alpha is straight, not premultiplied.
class image {
public:
  image() = default;

  // Not initialised. Fails with `limit_memory` when there is no memory for it.
  static result<image> make(pixel_layout layout, std::uint32_t width, std::uint32_t height,
                            std::uint8_t depth);

  pixel_layout layout() const { return layout_; }
  std::uint32_t width() const { return width_; }
  std::uint32_t height() const { return height_; }
  std::uint8_t depth() const { return depth_; } // bits a sample: 8 or 16
  std::uint32_t channels() const { return channels_of(layout_); }
  std::uint32_t chroma_width() const { return (width_ + 1) / 2; }   // yuv420 only
  std::uint32_t chroma_height() const { return (height_ + 1) / 2; } // yuv420 only

  // Bytes of one row of an interleaved image, or of the Y plane.
  std::size_t row_bytes() const;
  std::size_t bytes() const { return bytes_; }
  // Of memory, which is one byte a row more: so that an encoder can put a mark before each row.
  std::size_t capacity() const { return bytes_ + height_; }
  std::uint8_t* data() { return pixels_.get(); }
  const std::uint8_t* data() const { return pixels_.get(); }
  std::uint8_t* row(std::uint32_t y) { return data() + y * row_bytes(); }
  const std::uint8_t* row(std::uint32_t y) const { return data() + y * row_bytes(); }
  std::uint16_t* row16(std::uint32_t y) { return reinterpret_cast<std::uint16_t*>(row(y)); }
  const std::uint16_t* row16(std::uint32_t y) const {
    return reinterpret_cast<const std::uint16_t*>(row(y));
  }
  // Plane 0 is Y, 1 is U, 2 is V; yuv420 only.
  std::uint8_t* plane(int n) { return const_cast<std::uint8_t*>(std::as_const(*this).plane(n)); }
  const std::uint8_t* plane(int n) const;

  void clear(); // all samples 0

private:
  struct free_memory {
    void operator()(void* p) const { std::free(p); }
  };

  pixel_layout layout_ = pixel_layout::grey;
  std::uint8_t depth_ = 8;
  std::uint32_t width_ = 0, height_ = 0;
  std::size_t bytes_ = 0;
  std::unique_ptr<std::uint8_t[], free_memory> pixels_;
};

using byte_vector = std::vector<std::uint8_t>;

} // namespace darkroom::codecs
