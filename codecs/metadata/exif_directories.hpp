// EXIF written anew: from the tags of its directories that are kept, and nothing else.
#pragma once

#include "codecs/image.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace darkroom::codecs {

struct exif_field {
  std::uint16_t tag = 0, type = 0;
  std::uint32_t count = 0;
  byte_vector value; // in the structure's byte order
};

struct exif_directories {
  std::vector<exif_field> main, exif, interop; // pointers to the others are not among them
};

byte_vector write_exif(bool big_endian, exif_directories directories);

enum class exif_selection : std::uint8_t {
  without_location, // tags of the standard that tell no place
  copyright,        // artist and copyright
};

struct selected_exif {
  byte_vector bytes;             // empty where nothing is left
  bool readable = false;         // else nothing could be told of it
  bool location_removed = false; // there was a place
  bool other_removed = false;    // there were tags that are not known, or maker notes
};

// Leaves out the thumbnail, directories and bytes that no tag points at, and what stands behind
// the end of a text.
selected_exif select_exif(std::span<const std::uint8_t> exif, exif_selection selection);

} // namespace darkroom::codecs
