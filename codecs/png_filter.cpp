#include "codecs/png_filter.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace darkroom::codecs {

namespace {

// Loops without branches, which the compiler turns into vector instructions.
using bytes_in = const std::uint8_t* __restrict;
using bytes_out = std::uint8_t* __restrict;

void subtract(bytes_in a, bytes_in prediction, bytes_out out, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<std::uint8_t>(a[i] - prediction[i]);
}

void subtract_average(bytes_in row, bytes_in left, bytes_in above, bytes_out out,
                      std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<std::uint8_t>(row[i] - ((left[i] + above[i]) >> 1));
}

void subtract_paeth(bytes_in row, bytes_in left, bytes_in above, bytes_in corner, bytes_out out,
                    std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    const auto a = static_cast<std::int16_t>(left[i]);
    const auto b = static_cast<std::int16_t>(above[i]);
    const auto c = static_cast<std::int16_t>(corner[i]);
    const auto to_a = static_cast<std::int16_t>(b > c ? b - c : c - b);
    const auto to_b = static_cast<std::int16_t>(a > c ? a - c : c - a);
    const auto sum = static_cast<std::int16_t>(a + b - 2 * c);
    const auto to_c = static_cast<std::int16_t>(sum < 0 ? -sum : sum);
    const std::int16_t b_or_c = to_b <= to_c ? b : c;
    const std::int16_t nearest = to_a <= std::min(to_b, to_c) ? a : b_or_c;
    out[i] = static_cast<std::uint8_t>(row[i] - nearest);
  }
}

void filter_by(png_filter filter, const png_row& row, std::uint8_t* out) {
  const std::uint8_t* bytes = row.bytes;
  const std::uint8_t* above = row.above;
  const std::size_t first = std::min(row.pixel_bytes, row.size); // has nothing to its left
  const std::size_t rest = row.size - first;
  *out++ = static_cast<std::uint8_t>(filter);
  switch (filter) {
  case png_filter::none:
  case png_filter::adaptive:
    std::memcpy(out, bytes, row.size);
    break;
  case png_filter::sub:
    std::memcpy(out, bytes, first);
    subtract(bytes + first, bytes, out + first, rest);
    break;
  case png_filter::up:
    subtract(bytes, above, out, row.size);
    break;
  case png_filter::average:
    for (std::size_t i = 0; i < first; ++i)
      out[i] = static_cast<std::uint8_t>(bytes[i] - (above[i] >> 1));
    subtract_average(bytes + first, bytes, above + first, out + first, rest);
    break;
  case png_filter::paeth:
    subtract(bytes, above, out, first);
    subtract_paeth(bytes + first, bytes, above + first, above, out + first, rest);
    break;
  }
}

// Of the differences as signed numbers; libpng's heuristic.
std::uint64_t sum_of(const std::uint8_t* filtered, std::size_t size) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < size; ++i)
    sum += static_cast<unsigned>(std::abs(static_cast<std::int8_t>(filtered[i])));
  return sum;
}

} // namespace

void filter_row(png_filter filter, const png_row& row, std::uint8_t* out, std::uint8_t* scratch) {
  if (filter != png_filter::adaptive) return filter_by(filter, row, out);
  filter_by(png_filter::none, row, out);
  auto least = sum_of(out + 1, row.size);
  for (const auto other :
       {png_filter::sub, png_filter::up, png_filter::average, png_filter::paeth}) {
    filter_by(other, row, scratch);
    const auto sum = sum_of(scratch + 1, row.size);
    if (sum >= least) continue;
    least = sum;
    std::memcpy(out, scratch, row.size + 1);
  }
}

} // namespace darkroom::codecs
