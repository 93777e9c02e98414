// The data of a PNG, compressed at once from memory, which takes a fraction of zlib's time: so the
// rows are filtered where the pixels were.
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
  std::span<std::uint8_t> room() { return {memory.get(), size}; }
};

// What compressing takes at most, beside the picture, some twenty rows and what it returns.
inline constexpr std::uint64_t png_compressor_bytes = limits::MiB;

enum class row_compressor : std::uint8_t {
  libdeflate,
  row_deflate, // our own, for pictures with few repetitions
};

// The rows as they are compressed, where the picture is not interlaced.
struct filtered_rows {
  image memory;
  std::size_t size = 0;
  row_compressor compressor = row_compressor::libdeflate;
  std::span<const std::uint8_t> bytes() const { return {memory.data(), size}; }
};
// Takes the memory of the pixels for them. Without a palette, a trial on some rows chooses the
// filter and the compressor.
filtered_rows filter_pixels(image pixels, const png_palette* palette, std::uint8_t effort);

// A stream as in IDAT chunks. Nothing when it would take more than `bytes_max`, or there is no
// memory. Equal bytes give equal streams.
std::optional<compressed_bytes> compress_rows(const filtered_rows& rows, std::uint8_t effort,
                                              std::size_t bytes_max);

// A stream as in iCCP; nothing when there is no memory.
std::optional<compressed_bytes> compress_profile(std::span<const std::uint8_t> profile);

} // namespace darkroom::codecs
