// The JPEG row, the encoder's half of it, and what both halves share; the decoder's file assembles
// the row.
#pragma once

#include "codecs/format.hpp"

#include <string_view>

namespace darkroom::limits {

inline constexpr std::uint32_t jpeg_scans_max = 100;
inline constexpr std::uint32_t jpeg_warnings_tolerant_max = 1'000;
inline constexpr std::uint32_t jpeg_side_pixels_max = 65'500; // libjpeg, JPEG_MAX_DIMENSION

} // namespace darkroom::limits

namespace darkroom::codecs {

// What markers begin with that hold XMP, the XMP that did not fit one marker, and ICC profiles.
inline constexpr std::string_view jpeg_xmp_prefix{"http://ns.adobe.com/xap/1.0/\0", 29};
inline constexpr std::string_view jpeg_extended_xmp_prefix{"http://ns.adobe.com/xmp/extension/\0",
                                                           35};
inline constexpr std::string_view jpeg_icc_prefix{"ICC_PROFILE\0", 12};

const format_row& jpeg_format();

// EXIF or XMP in one marker: 65,533 bytes less the longer of their prefixes.
inline constexpr std::size_t jpeg_metadata_bytes_max = 65'533 - jpeg_xmp_prefix.size();

inline constexpr int jpeg_raw_rows = 16; // of Y in one row of 4:2:0 blocks

result<void> encode_jpeg(const encode_request& request, output_sink& out);
std::uint64_t jpeg_output_bytes(const domain::output_spec& output, std::uint64_t pixels,
                                std::uint64_t picture_bytes);
std::uint64_t jpeg_encode_bytes(const domain::output_spec& output, std::uint32_t width,
                                std::uint32_t height, std::uint32_t channels, std::uint8_t depth);

} // namespace darkroom::codecs
