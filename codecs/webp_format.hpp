// The WebP row, and the encoder's half of it; the decoder's file assembles the row. Only
// `webp_*.cpp` include libwebp.
#pragma once

#include "codecs/format.hpp"

namespace darkroom::limits {

inline constexpr std::uint32_t webp_side_pixels_max = 16'383; // WebP container
static_assert(webp_side_pixels_max < side_pixels_max);

} // namespace darkroom::limits

namespace darkroom::codecs {

const format_row& webp_format();

result<void> encode_webp(const encode_request& request, output_sink& out);
std::uint64_t webp_output_bytes(const domain::output_spec& output, std::uint64_t pixels,
                                std::uint64_t picture_bytes);
std::uint64_t webp_encode_bytes(const domain::output_spec& output, std::uint32_t width,
                                std::uint32_t height, std::uint32_t channels, std::uint8_t depth);

} // namespace darkroom::codecs
