// What is kept of a JPEG's application markers and comments, and what is noted of the rest.
#pragma once

#include "codecs/metadata/metadata.hpp"
#include "domain/loss.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace darkroom::codecs {

class jpeg_metadata {
public:
  // First bytes of a marker that tell what it holds: the longest prefix.
  static constexpr std::size_t prefix_bytes = 35;

  // Whether the marker is to be kept, by its code and its first bytes (`prefix_bytes`, unless it is
  // shorter), which stand at `offset` of the file. Notes what is not.
  bool wants(int marker, std::span<const std::uint8_t> head, std::uint64_t offset) noexcept;
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
  // The resources that are kept of all APP13 markers, which are one list cut into pieces.
  byte_vector take_iptc() const;
  std::vector<text_entry> take_comments();
  // The list of further pictures, and where its offsets count from; empty if there is none.
  const byte_vector& picture_list() const { return picture_list_; }
  std::uint64_t picture_list_offset() const { return picture_list_offset_; }
  byte_vector& gain_map_marker() { return gain_map_marker_; }
  // Metadata of which nothing is kept.
  domain::loss_set losses() const { return losses_; }

private:
  enum class kind : std::uint8_t { exif, xmp, icc, photoshop, picture_list, gain_map, comment };
  struct icc_piece {
    std::uint8_t number = 0, count = 0;
    byte_vector bytes;
  };

  bool wants_app1(std::span<const std::uint8_t> head) noexcept;
  bool wants_app2(std::span<const std::uint8_t> head, std::uint64_t offset) noexcept;
  // Notes that a marker is wanted of which all pieces together have a limit.
  bool wants_piece(kind what, std::size_t kept_bytes, domain::loss too_large) noexcept;
  std::uint8_t* add_icc(std::span<const std::uint8_t> head, std::size_t rest);

  kind wanted_ = kind::exif;
  byte_vector exif_, xmp_, photoshop_, picture_list_, gain_map_marker_;
  std::vector<icc_piece> icc_;
  std::vector<byte_vector> comments_;
  std::size_t comment_bytes_ = 0;
  std::uint64_t picture_list_offset_ = 0;
  std::uint32_t icc_bytes_ = 0;
  domain::loss_set losses_;
  bool has_extended_xmp_ = false;
  bool icc_refused_ = false;
};

} // namespace darkroom::codecs
