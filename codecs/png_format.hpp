// The PNG row, the encoder's half of it, and what both halves share; the decoder's file assembles
// the row. Only `png_*.cpp` include libpng.
#pragma once

#include "base/units.hpp"
#include "codecs/format.hpp"

namespace darkroom::limits {

// Chunks whose heads are looked at, at some 0.5 us each; 2 GiB of pixels in libpng's pieces of 8
// KiB.
inline constexpr std::uint32_t png_chunks_max = 262'144;
// Texts, and chunks of other programs, that are kept; the hostile corpus has 200,000 of them.
inline constexpr std::size_t png_texts_max = 256;
// Pixels that are needed afterwards are copied to be compressed at once, up to so many: a lease
// grows by a fifth. Larger ones are streamed.
inline constexpr std::uint64_t png_copy_bytes_max = 256 * KiB;

} // namespace darkroom::limits

namespace darkroom::codecs {

const format_row& png_format();

// Keyword of the iTXt chunk that holds XMP (XMP specification, part 3).
inline constexpr std::string_view png_xmp_keyword = "XML:com.adobe.xmp";

result<void> encode_png(const encode_request& request, output_sink& out);
std::uint64_t png_output_bytes(const domain::output_spec& output, std::uint64_t pixels,
                               std::uint64_t picture_bytes);
std::uint64_t png_encode_bytes(const domain::output_spec& output, std::uint32_t width,
                               std::uint32_t height, std::uint32_t channels, std::uint8_t depth);

} // namespace darkroom::codecs
