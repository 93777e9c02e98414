// The few things we read and change in XMP (ISO 16684-1): what it says of the pixels, and places.
// Everything else stays byte for byte.
#pragma once

#include "codecs/image.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace darkroom::codecs {

struct xmp_changes {
  std::optional<std::uint8_t> orientation; // nothing: left as it is
  std::uint32_t width = 0, height = 0;     // of the output
  bool srgb = false;                       // the pixels became sRGB
};

// Returns a copy in which the properties that exist have the new values, under whatever prefix.
// Packets in UTF-8; nothing changes in others.
byte_vector change_xmp(std::span<const std::uint8_t> xmp, const xmp_changes& changes);

// Whether an XMP packet tells a place.
bool xmp_has_location(std::span<const std::uint8_t> xmp);

} // namespace darkroom::codecs
