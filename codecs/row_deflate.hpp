// Deflate (RFC 1951) for the filtered rows of photos. Repetitions are rare in them, and the code of
// a short one is longer than the codes of its bytes: a general compressor spends most of its time
// on a search that saves little. This one takes half of the time of libdeflate's level 3 for as
// many bytes; pictures with few colours and sharp edges become up to a quarter larger.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace darkroom::codecs {

// Writes a zlib stream (RFC 1950) of `rows` to `out`. Returns its size, or 0 when it does not fit
// or there is no memory (it takes about 400 KiB). Equal bytes give equal streams.
std::size_t deflate_rows(std::span<const std::uint8_t> rows, std::span<std::uint8_t> out);

} // namespace darkroom::codecs
