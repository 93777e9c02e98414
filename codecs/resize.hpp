// Changing the size of a picture with zimg: Lanczos with three lobes, alpha premultiplied.
#pragma once

#include "codecs/image.hpp"
#include "domain/conversion_spec.hpp"

namespace darkroom::codecs {

// How a picture becomes another size.
struct resize_plan {
  // The part of the source that is used, as fractions of its sides.
  double left = 0, top = 0, width = 1, height = 1;
  std::uint32_t scaled_width = 0, scaled_height = 0; // of the picture
  std::uint32_t canvas_width = 0, canvas_height = 0; // of the output: larger only with `pad`
  bool upscaled = false;

  bool changes(std::uint32_t from_width, std::uint32_t from_height) const {
    return scaled_width != from_width || scaled_height != from_height || padded() || width != 1 ||
           height != 1;
  }
  bool padded() const { return canvas_width != scaled_width || canvas_height != scaled_height; }
};

// Pure geometry; no resize asked: the plan changes nothing.
resize_plan plan_resize(std::uint32_t width, std::uint32_t height,
                        const std::optional<domain::resize_spec>& asked);

result<image> resize(const image& pixels, const resize_plan& plan, domain::rgb_colour background);

// Working memory of `resize` beside its result, in bytes.
std::uint64_t resize_bytes(std::uint64_t source_pixels, std::uint64_t target_pixels, bool alpha,
                           std::uint8_t depth);

std::string resize_library_version();

} // namespace darkroom::codecs
