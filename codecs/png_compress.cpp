#include "codecs/png_compress.hpp"

#include "base/units.hpp"
#include "codecs/png_filter.hpp"
#include "domain/limits.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace darkroom::codecs {

namespace {

struct free_compressor {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};
using compressor = std::unique_ptr<libdeflate_compressor, free_compressor>;

// What an effort buys. Levels above 9 take 9 MB and ten times as long for one percent.
struct thoroughness {
  int level;
  std::size_t sample_bytes; // of rows that each filter is tried on; 0: no trial
  bool adaptive;            // also try to choose for each row
};
thoroughness thoroughness_of(std::uint8_t effort) {
  constexpr thoroughness all[] = {
      {1, 0, false},
      {1, 32 * limits::KiB, false},
      {2, 64 * limits::KiB, false},
      {2, 128 * limits::KiB, false},
      {3, 64 * limits::KiB, false},
      {6, 256 * limits::KiB, true},
      {9, 256 * limits::KiB, true},
  };
  static_assert(std::size(all) == limits::effort_max + 1);
  return all[std::min<std::size_t>(effort, std::size(all) - 1)];
}

constexpr std::uint32_t band_rows = 8; // a row alone would not show how well it follows another

compressed_bytes allocate(std::size_t size) {
  compressed_bytes out;
  out.memory.reset(static_cast<std::uint8_t*>(std::malloc(size)));
  if (out.memory) out.size = size;
  return out;
}

std::optional<compressed_bytes> compress(std::span<const std::uint8_t> bytes, int level,
                                         std::size_t bytes_max) {
  const compressor self{libdeflate_alloc_compressor(level)};
  if (!self) return std::nullopt;
  auto out =
      allocate(std::min(libdeflate_zlib_compress_bound(self.get(), bytes.size()), bytes_max));
  if (!out.memory) return std::nullopt;
  out.size =
      libdeflate_zlib_compress(self.get(), bytes.data(), bytes.size(), out.memory.get(), out.size);
  if (out.size == 0) return std::nullopt;
  return out;
}

void to_big_endian(image& pixels) {
  if (pixels.depth() != 16 || std::endian::native == std::endian::big) return;
  auto* samples = pixels.row16(0);
  for (std::size_t i = 0; i < pixels.bytes() / 2; ++i)
    samples[i] = static_cast<std::uint16_t>(samples[i] << 8 | samples[i] >> 8);
}

class row_filter {
public:
  explicit row_filter(const image& pixels)
      : pixels_(pixels), zeros_(pixels.row_bytes()), scratch_(pixels.row_bytes() + 1) {}

  // `row` is row `y`, or a copy of it.
  void filter(png_filter filter, const std::uint8_t* row, std::uint32_t y, std::uint8_t* out) {
    const std::uint8_t* above = y == 0 ? zeros_.data() : pixels_.row(y - 1);
    filter_row(filter,
               {row, above, pixels_.row_bytes(), pixels_.channels() * (pixels_.depth() / 8u)}, out,
               scratch_.data());
  }

private:
  const image& pixels_;
  byte_vector zeros_, scratch_;
};

// The filter that makes some rows of the picture smallest, in bands from all over it.
png_filter choose_filter(const image& pixels, const thoroughness& how) {
  const std::size_t line = pixels.row_bytes() + 1;
  const auto rows = static_cast<std::uint32_t>(std::min<std::size_t>(
      std::max<std::size_t>(how.sample_bytes / line, band_rows), pixels.height()));
  const std::uint32_t bands = std::max(rows / band_rows, 1u);
  const std::uint32_t band = std::min(rows, band_rows);
  byte_vector filtered(std::size_t{bands} * band * line);
  const compressor quick{libdeflate_alloc_compressor(1)};
  if (!quick) return png_filter::up;
  auto out = allocate(libdeflate_zlib_compress_bound(quick.get(), filtered.size()));
  if (!out.memory) return png_filter::up;

  row_filter rows_of(pixels);
  auto best = png_filter::up; // where all are equal
  std::size_t least = SIZE_MAX;
  for (const auto candidate : {png_filter::up, png_filter::none, png_filter::sub,
                               png_filter::average, png_filter::paeth, png_filter::adaptive}) {
    if (candidate == png_filter::adaptive && !how.adaptive) continue;
    std::uint8_t* to = filtered.data();
    for (std::uint32_t i = 0; i < bands; ++i) {
      const auto from = static_cast<std::uint32_t>(std::uint64_t{pixels.height() - band} *
                                                   (2 * i + 1) / (2 * bands));
      for (std::uint32_t y = from; y < from + band; ++y, to += line)
        rows_of.filter(candidate, pixels.row(y), y, to);
    }
    const auto size = libdeflate_zlib_compress(quick.get(), filtered.data(), filtered.size(),
                                               out.memory.get(), out.size);
    if (size == 0 || size >= least) continue;
    least = size;
    best = candidate;
  }
  return best;
}

// From the last row to the first: each moves to a higher address, and needs only the one above it.
std::size_t filter_in_place(image& pixels, png_filter filter) {
  const std::size_t size = pixels.row_bytes();
  row_filter rows(pixels);
  byte_vector row(size);
  for (std::uint32_t y = pixels.height(); y-- > 0;) {
    std::memcpy(row.data(), pixels.row(y), size);
    rows.filter(filter, row.data(), y, pixels.data() + y * (size + 1));
  }
  return pixels.height() * (size + 1);
}

// From the first row to the last: a row of indices is no longer than a row of pixels. Unfiltered:
// neighbouring indices say nothing of each other.
std::size_t index_in_place(image& pixels, const png_palette& palette) {
  const unsigned bits = palette.bit_depth;
  const unsigned per_byte = 8 / bits;
  byte_vector row(pixels.width());
  std::uint8_t* to = pixels.data();
  for (std::uint32_t y = 0; y < pixels.height(); ++y) {
    palette.index(pixels, y, row.data());
    *to++ = static_cast<std::uint8_t>(png_filter::none);
    for (std::size_t x = 0; x < row.size(); x += per_byte) {
      unsigned packed = 0;
      for (unsigned i = 0; i < per_byte; ++i)
        packed = packed << bits | (x + i < row.size() ? row[x + i] : 0u);
      *to++ = static_cast<std::uint8_t>(packed);
    }
  }
  return static_cast<std::size_t>(to - pixels.data());
}

} // namespace

filtered_rows filter_pixels(image pixels, const png_palette* palette, std::uint8_t effort) {
  filtered_rows rows{.memory = std::move(pixels)};
  if (palette != nullptr) {
    rows.size = index_in_place(rows.memory, *palette);
    return rows;
  }
  to_big_endian(rows.memory);
  const auto how = thoroughness_of(effort);
  const auto filter = how.sample_bytes == 0 ? png_filter::up : choose_filter(rows.memory, how);
  rows.size = filter_in_place(rows.memory, filter);
  return rows;
}

std::optional<compressed_bytes> compress_rows(std::span<const std::uint8_t> rows,
                                              std::uint8_t effort, std::size_t bytes_max) {
  return compress(rows, thoroughness_of(effort).level, bytes_max);
}

std::optional<compressed_bytes> compress_profile(std::span<const std::uint8_t> profile) {
  return compress(profile, 9, SIZE_MAX);
}

} // namespace darkroom::codecs
