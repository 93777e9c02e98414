// The encoder's half of the WebP row; the decoder's file assembles the row. Only `webp_*.cpp`
// include libwebp.
#pragma once

#include "codecs/format.hpp"

namespace darkroom::codecs {

result<void> encode_webp(const encode_request& request, output_sink& out);
std::uint64_t webp_encode_bytes(const domain::output_spec& output, std::uint32_t width,
                                std::uint32_t height, std::uint32_t channels, std::uint8_t depth);

} // namespace darkroom::codecs
