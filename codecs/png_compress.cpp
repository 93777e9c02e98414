#include "codecs/png_compress.hpp"

#include "base/units.hpp"
#include "codecs/png_filter.hpp"
#include "codecs/row_deflate.hpp"
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
  std::size_t sample_bytes; // of rows that each filter is tried on; 0: no trial
  int level;                // of libdeflate
  bool adaptive;            // also try to choose for each row
  bool row_deflate;         // also try it
};
thoroughness thoroughness_of(std::uint8_t effort) {
  constexpr thoroughness all[] = {
      {0, 1, false, false},
      {32 * limits::KiB, 1, false, true},
      {64 * limits::KiB, 2, false, true},
      {128 * limits::KiB, 2, false, true},
      {64 * limits::KiB, 3, false, true},
      {256 * limits::KiB, 6, true, false},
      {256 * limits::KiB, 9, true, false},
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

compressor make_compressor(int level) {
  return compressor{libdeflate_alloc_compressor(level)};
}

std::size_t compress_into(std::span<std::uint8_t> out, std::span<const std::uint8_t> bytes,
                          libdeflate_compressor* general) {
  return libdeflate_zlib_compress(general, bytes.data(), bytes.size(), out.data(), out.size());
}

std::optional<compressed_bytes> compress(std::span<const std::uint8_t> bytes, int level,
                                         std::size_t bytes_max) {
  const compressor self = make_compressor(level);
  if (!self) return std::nullopt;
  auto out =
      allocate(std::min(libdeflate_zlib_compress_bound(self.get(), bytes.size()), bytes_max));
  if (!out.memory) return std::nullopt;
  out.size = compress_into(out.room(), bytes, self.get());
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

// Some rows in bands from all over the picture, filtered.
class row_sample {
public:
  row_sample(const image& pixels, std::size_t sample_bytes) : pixels_(pixels), filter_(pixels) {
    const std::size_t line = pixels.row_bytes() + 1;
    const auto rows = static_cast<std::uint32_t>(std::min<std::size_t>(
        std::max<std::size_t>(sample_bytes / line, band_rows), pixels.height()));
    bands_ = std::max(rows / band_rows, 1u);
    band_ = std::min(rows, band_rows);
    filtered_.resize(std::size_t{bands_} * band_ * line);
  }

  std::span<const std::uint8_t> filtered(png_filter filter) {
    std::uint8_t* to = filtered_.data();
    for (std::uint32_t i = 0; i < bands_; ++i) {
      const auto from = static_cast<std::uint32_t>(std::uint64_t{pixels_.height() - band_} *
                                                   (2 * i + 1) / (2 * bands_));
      for (std::uint32_t y = from; y < from + band_; ++y, to += pixels_.row_bytes() + 1)
        filter_.filter(filter, pixels_.row(y), y, to);
    }
    return filtered_;
  }
  std::size_t size() const { return filtered_.size(); }

private:
  const image& pixels_;
  row_filter filter_;
  std::uint32_t bands_ = 0;
  std::uint32_t band_ = 0;
  byte_vector filtered_;
};

struct row_choice {
  png_filter filter = png_filter::up;
  row_compressor compressor = row_compressor::libdeflate;
};

png_filter choose_filter(row_sample& sample, bool with_adaptive, std::span<std::uint8_t> out) {
  auto best = png_filter::up; // where all are equal
  const auto quick = make_compressor(1);
  if (!quick) return best;
  std::size_t least = SIZE_MAX;
  for (const auto candidate : {png_filter::up, png_filter::none, png_filter::sub,
                               png_filter::average, png_filter::paeth, png_filter::adaptive}) {
    if (candidate == png_filter::adaptive && !with_adaptive) continue;
    const auto size = compress_into(out, sample.filtered(candidate), quick.get());
    if (size == 0 || size >= least) continue;
    least = size;
    best = candidate;
  }
  return best;
}

row_compressor choose_compressor(std::span<const std::uint8_t> rows, int level,
                                 std::span<std::uint8_t> out) {
  const std::size_t ours = deflate_rows(rows, out);
  const auto self = make_compressor(level);
  const std::size_t general = self ? compress_into(out, rows, self.get()) : 0;
  // Half of the time is worth a fiftieth; of a whole picture it is less, to whose codes ours
  // adapts.
  return ours > 0 && ours <= general + general / 50 ? row_compressor::row_deflate
                                                    : row_compressor::libdeflate;
}

// What makes some rows of the picture smallest.
row_choice choose_for(const image& pixels, const thoroughness& how) {
  row_choice out;
  if (how.sample_bytes == 0) return out;
  row_sample sample(pixels, how.sample_bytes);
  auto memory = allocate(libdeflate_zlib_compress_bound(nullptr, sample.size()));
  if (!memory.memory) return out;
  out.filter = choose_filter(sample, how.adaptive, memory.room());
  if (how.row_deflate)
    out.compressor = choose_compressor(sample.filtered(out.filter), how.level, memory.room());
  return out;
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
  const auto choice = choose_for(rows.memory, thoroughness_of(effort));
  rows.size = filter_in_place(rows.memory, choice.filter);
  rows.compressor = choice.compressor;
  return rows;
}

std::optional<compressed_bytes> compress_rows(const filtered_rows& rows, std::uint8_t effort,
                                              std::size_t bytes_max) {
  if (rows.compressor == row_compressor::libdeflate)
    return compress(rows.bytes(), thoroughness_of(effort).level, bytes_max);
  auto out = allocate(bytes_max);
  if (!out.memory) return std::nullopt;
  out.size = deflate_rows(rows.bytes(), out.room());
  if (out.size == 0) return std::nullopt;
  return out;
}

std::optional<compressed_bytes> compress_profile(std::span<const std::uint8_t> profile) {
  return compress(profile, 9, SIZE_MAX);
}

} // namespace darkroom::codecs
