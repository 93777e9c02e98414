#include "codecs/preview.hpp"

#include <algorithm>
#include <cmath>

namespace darkroom::codecs {

domain::output_spec at_width(const domain::output_spec& asked, const resize_plan& full,
                             std::uint32_t width) {
  using domain::resize_mode;
  auto smaller = asked;
  if (full.canvas_width <= width) return smaller;
  const auto mode = asked.resize ? asked.resize->mode : resize_mode::fit;
  const bool floats = full.padded() && full.scaled_width < full.canvas_width &&
                      full.scaled_height < full.canvas_height;
  if (floats) return smaller;
  const double factor = static_cast<double>(width) / full.canvas_width;
  const auto height = std::max<std::uint32_t>(
      1, static_cast<std::uint32_t>(std::lround(full.canvas_height * factor)));
  // Where nothing is cut or padded, both sides are known already.
  const bool keeps_mode = mode == resize_mode::fill || mode == resize_mode::pad;
  smaller.resize =
      domain::resize_spec{width, height, keeps_mode ? mode : resize_mode::stretch, full.upscaled};
  return smaller;
}

std::uint64_t estimated_bytes(std::uint64_t bytes, std::uint64_t shown_pixels,
                              std::uint64_t full_pixels) {
  constexpr double growth = 0.75;
  if (shown_pixels == 0 || full_pixels <= shown_pixels) return bytes;
  const double times = std::pow(static_cast<double>(full_pixels) / shown_pixels, growth);
  return static_cast<std::uint64_t>(std::llround(static_cast<double>(bytes) * times));
}

} // namespace darkroom::codecs
