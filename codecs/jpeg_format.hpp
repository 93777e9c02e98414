// The JPEG row, and the encoder's half of it; the decoder's file assembles the row.
#pragma once

#include "codecs/format.hpp"

namespace darkroom::limits {

inline constexpr std::uint32_t jpeg_scans_max = 100;
inline constexpr std::uint32_t jpeg_warnings_tolerant_max = 1'000;
inline constexpr std::uint32_t jpeg_side_pixels_max = 65'500; // libjpeg, JPEG_MAX_DIMENSION

} // namespace darkroom::limits

namespace darkroom::codecs {

const format_row& jpeg_format();

// EXIF or XMP in one marker: 65,533 bytes less the longer of their prefixes.
inline constexpr std::size_t jpeg_metadata_bytes_max = 65'533 - 29;

result<void> encode_jpeg(const encode_request& request, output_sink& out);
std::uint64_t jpeg_output_bytes(const domain::output_spec& output, std::uint64_t pixels,
                                std::uint64_t picture_bytes);
std::uint64_t jpeg_encode_bytes(const domain::output_spec& output, std::uint32_t width,
                                std::uint32_t height, std::uint32_t channels, std::uint8_t depth);

} // namespace darkroom::codecs
