#include "codecs/jpeg_metadata.hpp"

#include "codecs/exif.hpp"
#include "codecs/jpeg_format.hpp"
#include "codecs/limits.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <string_view>

namespace darkroom::codecs {

namespace {

// Behind the prefix: the number of this piece, from 1, and how many there are.
constexpr std::size_t icc_head_bytes = jpeg_icc_prefix.size() + 2;

bool begins_with(std::span<const std::uint8_t> bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::memcmp(bytes.data(), prefix.data(), prefix.size()) == 0;
}

} // namespace

static_assert(jpeg_metadata::prefix_bytes == jpeg_extended_xmp_prefix.size());

bool jpeg_metadata::wants(int app, std::span<const std::uint8_t> head) noexcept {
  if (app == 1 && begins_with(head, exif_prefix)) {
    wanted_ = kind::exif;
    return exif_.empty();
  }
  if (app == 1 && begins_with(head, jpeg_xmp_prefix)) {
    wanted_ = kind::xmp;
    return xmp_.empty();
  }
  if (app == 1 && begins_with(head, jpeg_extended_xmp_prefix)) has_extended_xmp_ = true;
  if (app != 2 || !begins_with(head, jpeg_icc_prefix) || head.size() < icc_head_bytes) return false;
  wanted_ = kind::icc;
  return !icc_refused_;
}

std::uint8_t* jpeg_metadata::add(std::span<const std::uint8_t> head, std::size_t rest) noexcept {
  try {
    const auto put = [&](byte_vector& to, std::size_t prefix) {
      const auto kept = head.subspan(std::min(prefix, head.size()));
      to = byte_vector(kept.size() + rest);
      std::ranges::copy(kept, to.begin());
      return to.data() + kept.size();
    };
    switch (wanted_) {
    case kind::exif:
      return put(exif_, exif_prefix.size());
    case kind::xmp:
      return put(xmp_, jpeg_xmp_prefix.size());
    case kind::icc:
      break;
    }
    icc_piece piece{head[jpeg_icc_prefix.size()], head[jpeg_icc_prefix.size() + 1], {}};
    auto* space = put(piece.bytes, icc_head_bytes);
    icc_bytes_ += static_cast<std::uint32_t>(piece.bytes.size());
    icc_.push_back(std::move(piece));
    if (icc_bytes_ <= limits::icc_bytes_max) return space;
    // One piece more has been read than is kept: its space has to stand until it is.
    icc_.erase(icc_.begin(), icc_.end() - 1);
    icc_refused_ = true;
    return space;
  } catch (const std::exception&) {
    return nullptr;
  }
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
