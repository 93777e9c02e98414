// PNG's filters (PNG specification, section 9): each byte of a row becomes its difference from a
// prediction, which compresses better.
#pragma once

#include <cstddef>
#include <cstdint>

namespace darkroom::codecs {

// Those of the specification, by its numbers, and one of ours.
enum class png_filter : std::uint8_t {
  none,
  sub,
  up,
  average,
  paeth,
  adaptive, // for each row, the one whose differences have the least sum
};

// Rows are as in the file: samples in big-endian order.
struct png_row {
  const std::uint8_t* bytes;
  const std::uint8_t* above; // the row above, of the same length; zeros for the first
  std::size_t size;
  std::size_t pixel_bytes;
};

// Writes the filter's number and then the filtered bytes: `row.size + 1` in all. `out` overlaps
// with neither row. `scratch` has room for as many; only `adaptive` uses it.
void filter_row(png_filter filter, const png_row& row, std::uint8_t* out, std::uint8_t* scratch);

} // namespace darkroom::codecs
