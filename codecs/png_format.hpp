// The encoder's half of the PNG row, and what both halves share; the decoder's file assembles the
// row. Only `png_*.cpp` include libpng.
#pragma once

#include "codecs/format.hpp"

namespace darkroom::codecs {

// Keyword of the iTXt chunk that holds XMP (XMP specification, part 3).
inline constexpr std::string_view png_xmp_keyword = "XML:com.adobe.xmp";

result<void> encode_png(const encode_request& request, output_sink& out);
std::uint64_t png_encode_bytes(const domain::output_spec& output, std::uint32_t width,
                               std::uint32_t height, std::uint32_t channels, std::uint8_t depth);

} // namespace darkroom::codecs
