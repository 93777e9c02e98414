// The few things we read and change in EXIF (CIPA DC-008, a TIFF structure): orientation, size,
// place and the embedded thumbnail. Everything else stays byte for byte, so that maker notes, which
// hold offsets of their own, stay readable.
#pragma once

#include "codecs/image.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace darkroom::codecs {

// What JPEG, and by mistake some WebP files, put before the structure.
inline constexpr std::string_view exif_prefix{"Exif\0\0", 6};

// 1 to 8; 1 when there is none, or nonsense. Any type of a whole number is read, as others do.
std::uint8_t exif_orientation(std::span<const std::uint8_t> exif);

struct exif_changes {
  std::uint8_t orientation = 1;        // set wherever the tag stands
  std::uint32_t width = 0, height = 0; // of the output, set wherever the tags stand
  bool srgb = false;                   // the pixels became sRGB
  bool strip_location = false;
};

// Returns a changed copy. The thumbnail is cut off: it shows the picture as it was. Empty when the
// structure cannot be followed: then nothing in it could be trusted.
byte_vector change_exif(std::span<const std::uint8_t> exif, const exif_changes& changes,
                        bool* location_removed);

// A structure that holds an orientation and nothing else.
byte_vector orientation_exif(std::uint8_t orientation);

} // namespace darkroom::codecs
