// The encoder's half of the JPEG row; the decoder's file assembles the row.
#pragma once

#include "codecs/format.hpp"

namespace darkroom::codecs {

// EXIF or XMP in one marker: 65,533 bytes less the longer of their prefixes.
inline constexpr std::size_t jpeg_metadata_bytes_max = 65'533 - 29;

result<void> encode_jpeg(const encode_request& request, output_sink& out);
std::uint64_t jpeg_encode_bytes(const domain::output_spec& output, std::uint32_t width,
                                std::uint32_t height, std::uint32_t channels, std::uint8_t depth);

} // namespace darkroom::codecs
