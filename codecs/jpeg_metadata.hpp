// What is kept of a JPEG's APP1 and APP2 markers: EXIF, XMP and the pieces of an ICC profile.
#pragma once

#include "codecs/image.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace darkroom::codecs {

class jpeg_metadata {
public:
  // First bytes of a marker that tell what it holds: the longest prefix.
  static constexpr std::size_t prefix_bytes = 35;

  // Whether the marker is to be kept, by its number and its first bytes (`prefix_bytes`, unless it
  // is shorter). Notes what is not.
  bool wants(int app, std::span<const std::uint8_t> head) noexcept;
  // Keeps the marker that `wants` was asked about. Returns where its `rest` bytes go, as many as
  // follow the head; null when there is no memory.
  std::uint8_t* add(std::span<const std::uint8_t> head, std::size_t rest) noexcept;

  byte_vector& exif() { return exif_; }
  const byte_vector& exif() const { return exif_; }
  byte_vector& xmp() { return xmp_; }
  const byte_vector& xmp() const { return xmp_; }
  bool has_extended_xmp() const { return has_extended_xmp_; }
  bool has_icc() const { return icc_refused_ || !icc_.empty(); }
  std::uint32_t icc_bytes() const { return icc_refused_ ? 0 : icc_bytes_; }
  // The profile, put together of its pieces (ICC.1, annex B.4). Empty when one is missing, or when
  // they have more than `limits::icc_bytes_max`.
  byte_vector take_icc();

private:
  enum class kind : std::uint8_t { exif, xmp, icc };
  struct icc_piece {
    std::uint8_t number = 0, count = 0;
    byte_vector bytes;
  };

  kind wanted_ = kind::exif;
  byte_vector exif_, xmp_;
  std::vector<icc_piece> icc_;
  std::uint32_t icc_bytes_ = 0;
  bool has_extended_xmp_ = false;
  bool icc_refused_ = false;
};

} // namespace darkroom::codecs
