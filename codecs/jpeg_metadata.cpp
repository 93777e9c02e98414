#include "codecs/jpeg_metadata.hpp"

#include "base/units.hpp"
#include "codecs/jpeg_format.hpp"
#include "codecs/limits.hpp"
#include "codecs/metadata/exif.hpp"
#include "codecs/metadata/iptc.hpp"
#include "codecs/metadata/text_encoding.hpp"
#include "codecs/metadata/texts.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <string_view>

namespace darkroom::codecs {

namespace {

constexpr int marker_app0 = 0xe0, marker_comment = 0xfe;
// Of the resources and of the comments that are kept; editors write some 20 KiB. They count in the
// memory of a probe, which knows nothing of the picture yet.
constexpr std::size_t pieces_bytes_max = limits::MiB;
constexpr std::size_t comments_max = 256; // each takes some 100 bytes, however short it is

// Behind the prefix: the number of this piece, from 1, and how many there are.
constexpr std::size_t icc_head_bytes = jpeg_icc_prefix.size() + 2;

bool begins_with(std::span<const std::uint8_t> bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::memcmp(bytes.data(), prefix.data(), prefix.size()) == 0;
}

} // namespace

static_assert(jpeg_metadata::prefix_bytes == jpeg_extended_xmp_prefix.size());

bool jpeg_metadata::wants(int marker, std::span<const std::uint8_t> head,
                          std::uint64_t offset) noexcept {
  if (head.empty()) return false;
  switch (marker) {
  case marker_app0: // not JFIF, which the decoder reads
    losses_.add(domain::loss::other_metadata_dropped);
    return false;
  case marker_comment:
    if (comments_.size() == comments_max) {
      losses_.add(domain::loss::comment_dropped);
      return false;
    }
    return wants_piece(kind::comment, comment_bytes_, domain::loss::comment_dropped);
  case marker_app0 + 1:
    return wants_app1(head);
  case marker_app0 + 2:
    return wants_app2(head, offset);
  case marker_app0 + 12: // "Ducky": how an encoder was set
    if (!begins_with(head, "Ducky")) losses_.add(domain::loss::other_metadata_dropped);
    return false;
  case marker_app0 + 11: // boxes of JUMBF, in which C2PA is
    losses_.add(begins_with(head, "JP") ? domain::loss::c2pa_dropped
                                        : domain::loss::other_metadata_dropped);
    return false;
  case marker_app0 + 13:
    if (begins_with(head, jpeg_photoshop_prefix))
      return wants_piece(kind::photoshop, photoshop_.size(), domain::loss::iptc_dropped);
    [[fallthrough]];
  default:
    losses_.add(domain::loss::other_metadata_dropped);
    return false;
  }
}

bool jpeg_metadata::wants_app1(std::span<const std::uint8_t> head) noexcept {
  const bool is_exif = begins_with(head, exif_prefix);
  if (is_exif || begins_with(head, jpeg_xmp_prefix)) {
    wanted_ = is_exif ? kind::exif : kind::xmp;
    const bool first = is_exif ? exif_.empty() : xmp_.empty();
    if (!first) losses_.add(is_exif ? domain::loss::exif_dropped : domain::loss::xmp_dropped);
    return first;
  }
  if (begins_with(head, jpeg_extended_xmp_prefix))
    has_extended_xmp_ = true;
  else
    losses_.add(domain::loss::other_metadata_dropped);
  return false;
}

bool jpeg_metadata::wants_app2(std::span<const std::uint8_t> head, std::uint64_t offset) noexcept {
  if (begins_with(head, jpeg_mpf_prefix)) {
    wanted_ = kind::picture_list;
    picture_list_offset_ = offset + jpeg_mpf_prefix.size();
    return picture_list_.empty();
  }
  if (begins_with(head, jpeg_gain_map_prefix)) {
    wanted_ = kind::gain_map;
    return gain_map_marker_.empty();
  }
  if (!begins_with(head, jpeg_icc_prefix) || head.size() < icc_head_bytes) {
    losses_.add(domain::loss::other_metadata_dropped);
    return false;
  }
  wanted_ = kind::icc;
  return !icc_refused_;
}

bool jpeg_metadata::wants_piece(kind what, std::size_t kept_bytes,
                                domain::loss too_large) noexcept {
  wanted_ = what;
  if (kept_bytes + jpeg_marker_bytes_max <= pieces_bytes_max) return true;
  losses_.add(too_large);
  return false;
}

std::uint8_t* jpeg_metadata::add(std::span<const std::uint8_t> head, std::size_t rest) noexcept {
  try {
    const auto append = [&](byte_vector& to, std::size_t prefix) {
      const auto kept = head.subspan(std::min(prefix, head.size()));
      const auto at = to.size();
      to.resize(at + kept.size() + rest);
      std::ranges::copy(kept, to.begin() + static_cast<std::ptrdiff_t>(at));
      return to.data() + at + kept.size();
    };
    switch (wanted_) {
    case kind::exif:
      return append(exif_, exif_prefix.size());
    case kind::xmp:
      return append(xmp_, jpeg_xmp_prefix.size());
    case kind::photoshop:
      return append(photoshop_, jpeg_photoshop_prefix.size());
    case kind::picture_list:
      return append(picture_list_, jpeg_mpf_prefix.size());
    case kind::gain_map:
      return append(gain_map_marker_, jpeg_gain_map_prefix.size());
    case kind::comment:
      comment_bytes_ += head.size() + rest;
      return append(comments_.emplace_back(), 0);
    case kind::icc:
      break;
    }
    return add_icc(head, rest);
  } catch (const std::exception&) {
    return nullptr;
  }
}

std::uint8_t* jpeg_metadata::add_icc(std::span<const std::uint8_t> head, std::size_t rest) {
  icc_piece piece{head[jpeg_icc_prefix.size()], head[jpeg_icc_prefix.size() + 1], {}};
  const auto kept = head.subspan(std::min(icc_head_bytes, head.size()));
  piece.bytes = byte_vector(kept.size() + rest);
  std::ranges::copy(kept, piece.bytes.begin());
  auto* space = piece.bytes.data() + kept.size();
  icc_bytes_ += static_cast<std::uint32_t>(piece.bytes.size());
  icc_.push_back(std::move(piece));
  if (icc_bytes_ <= limits::icc_bytes_max) return space;
  // One piece more has been read than is kept: its space has to stand until it is.
  icc_.erase(icc_.begin(), icc_.end() - 1);
  icc_refused_ = true;
  return space;
}

byte_vector jpeg_metadata::take_iptc() const {
  return kept_resources(photoshop_);
}

std::vector<text_entry> jpeg_metadata::take_comments() {
  std::vector<text_entry> texts;
  for (auto& bytes : comments_) {
    while (!bytes.empty() && bytes.back() == 0) // some writers end it as in C
      bytes.pop_back();
    text_entry text{std::string{comment_keyword}, {bytes.begin(), bytes.end()}};
    text.utf8 = is_utf8(text.text);
    texts.push_back(std::move(text));
  }
  comments_.clear();
  return texts;
}

byte_vector jpeg_metadata::take_icc() {
  if (icc_refused_ || icc_.empty()) return {};
  // One piece alone is the whole, whatever its numbers are.
  if (icc_.size() == 1 && icc_.front().count <= 1) return std::move(icc_.front().bytes);
  std::ranges::sort(icc_, {}, &icc_piece::number);
  byte_vector profile;
  profile.reserve(icc_bytes_);
  for (std::size_t i = 0; i < icc_.size(); ++i) {
    const auto& piece = icc_[i];
    if (piece.number != i + 1 || piece.count != icc_.size()) return {};
    profile.insert(profile.end(), piece.bytes.begin(), piece.bytes.end());
  }
  return profile;
}

} // namespace darkroom::codecs
