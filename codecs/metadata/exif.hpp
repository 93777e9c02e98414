// The few things that are read and changed in EXIF (CIPA DC-008, a TIFF structure): orientation,
// size, density and the embedded thumbnail. Everything else stays byte for byte, so that maker
// notes, which hold offsets of their own, stay readable.
#pragma once

#include "codecs/metadata/metadata.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace darkroom::codecs {

// What JPEG, and by mistake some WebP files, put before the structure.
inline constexpr std::string_view exif_prefix{"Exif\0\0", 6};

std::span<const std::uint8_t> without_exif_prefix(std::span<const std::uint8_t> exif);

// 1 to 8; 1 when there is none, or nonsense. Any type of a whole number is read, as others do.
std::uint8_t exif_orientation(std::span<const std::uint8_t> exif);

// Of the main picture; nothing where there is none, or where it is 0 or has no unit.
std::optional<pixel_density> exif_density(std::span<const std::uint8_t> exif);

struct exif_changes {
  std::uint8_t orientation = 1;        // set wherever the tag stands
  std::uint32_t width = 0, height = 0; // of the output, set wherever the tags stand
  bool srgb = false;                   // the pixels became sRGB
  bool turned = false;                 // width and height changed places
};

// Returns a changed copy. The thumbnail is cut off: it shows the picture as it was. Empty when the
// structure cannot be followed: then nothing in it could be trusted.
byte_vector change_exif(std::span<const std::uint8_t> exif, const exif_changes& changes);

// A structure that holds an orientation, or a density, and nothing else.
byte_vector orientation_exif(std::uint8_t orientation);
byte_vector density_exif(const pixel_density& density);

} // namespace darkroom::codecs
