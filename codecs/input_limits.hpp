// What one source may be. Checked on the header, before pixels are allocated.
#pragma once

#include "codecs/limits.hpp"
#include "config/limits.hpp"
#include "domain/limits.hpp"

#include <cstdint>

namespace darkroom::codecs {

struct input_limits {
  std::uint64_t bytes = limits::input_bytes_max;
  std::uint64_t pixels = limits::image_pixels_max;
  std::uint32_t side_pixels = limits::side_pixels_max;
};

} // namespace darkroom::codecs
