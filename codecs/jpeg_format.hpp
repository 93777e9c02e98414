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
// The list of further pictures (CIPA DC-007), what a gain map means (ISO 21496-1), IPTC and other
// resources of Photoshop.
inline constexpr std::string_view jpeg_mpf_prefix{"MPF\0", 4};
inline constexpr std::string_view jpeg_gain_map_prefix{"urn:iso:std:iso:ts:21496:-1\0", 28};
inline constexpr std::string_view jpeg_photoshop_prefix{"Photoshop 3.0\0", 14};

const format_row& jpeg_format();

inline constexpr std::size_t jpeg_marker_bytes_max = 65'533; // of content
// EXIF or XMP in one marker, behind the longer of their prefixes.
inline constexpr std::size_t jpeg_metadata_bytes_max =
    jpeg_marker_bytes_max - jpeg_xmp_prefix.size();

inline constexpr int jpeg_raw_rows = 16; // of Y in one row of 4:2:0 blocks

result<void> encode_jpeg(const encode_request& request, output_sink& out);
std::uint64_t jpeg_output_bytes(const domain::output_spec& output, std::uint64_t pixels,
                                std::uint64_t picture_bytes);
std::uint64_t jpeg_encode_bytes(const domain::output_spec& output, std::uint32_t width,
                                std::uint32_t height, std::uint32_t channels, std::uint8_t depth);

} // namespace darkroom::codecs
