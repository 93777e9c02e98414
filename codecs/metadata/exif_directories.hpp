// EXIF written anew: from the tags of its directories that are kept, and nothing else.
#pragma once

#include "codecs/image.hpp"
#include "codecs/metadata/metadata_selection.hpp"

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

struct selected_exif {
  byte_vector bytes;             // empty where nothing is left
  bool readable = false;         // else nothing could be told of it
  bool location_removed = false; // there was a place
  bool other_removed = false;    // there were tags that are not known, or maker notes
};

// `without_location` keeps the tags of the standard that contain no location, `copyright` artist
// and copyright. Leaves out the thumbnail, directories and bytes that no tag points at, and what
// stands behind the end of a text.
selected_exif select_exif(std::span<const std::uint8_t> exif, metadata_selection selection);

} // namespace darkroom::codecs
