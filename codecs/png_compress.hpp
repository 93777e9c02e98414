// The data of a PNG by libdeflate, which needs all of it in memory at once, and takes a fraction of
// zlib's time: so the rows are filtered where the pixels were.
#pragma once

#include "base/units.hpp"
#include "codecs/image.hpp"
#include "codecs/png_palette.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace darkroom::codecs {

struct compressed_bytes {
  struct free_memory {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<std::uint8_t[], free_memory> memory;
  std::size_t size = 0;
  std::span<const std::uint8_t> bytes() const { return {memory.get(), size}; }
};

// What compressing takes at most, beside the picture, some twenty rows and what it returns.
inline constexpr std::uint64_t png_compressor_bytes = limits::MiB;

// The rows as they are compressed, where the picture is not interlaced.
struct filtered_rows {
  image memory;
  std::size_t size = 0;
  std::span<const std::uint8_t> bytes() const { return {memory.data(), size}; }
};
// Takes the memory of the pixels for them. Without a palette, the filter is chosen by a trial.
filtered_rows filter_pixels(image pixels, const png_palette* palette, std::uint8_t effort);

// A stream as in IDAT chunks. Nothing when it would take more than `bytes_max`, or there is no
// memory. Equal bytes give equal streams.
std::optional<compressed_bytes> compress_rows(std::span<const std::uint8_t> rows,
                                              std::uint8_t effort, std::size_t bytes_max);

// A stream as in iCCP; nothing when there is no memory.
std::optional<compressed_bytes> compress_profile(std::span<const std::uint8_t> profile);

} // namespace darkroom::codecs
