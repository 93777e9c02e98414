// What follows the main picture in a JPEG's file: further pictures, as its MPF marker lists them
// (CIPA DC-007), and the video of a motion photo.
#pragma once

#include "codecs/input_stream.hpp"
#include "codecs/metadata/metadata.hpp"
#include "domain/loss.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace darkroom::codecs {

struct jpeg_appended {
  std::optional<gain_map> gain;
  domain::loss_set losses; // of what is there and not carried
};

struct jpeg_picture_list {
  std::span<const std::uint8_t> bytes; // content of the marker, behind its prefix; may be empty
  std::uint64_t offset = 0;            // of `bytes` in the file
};

// `end` is where the main picture ends in `in`. A video is told by how it begins, or by the main
// picture's XMP (`promises_video`).
jpeg_appended read_jpeg_appended(const input_stream& in, std::uint64_t end,
                                 const jpeg_picture_list& list, bool promises_video);

// Content of an MPF marker for the main picture and one more, behind its prefix. `first_bytes` is
// the size of the main picture, `second_offset` counts from this content's first byte.
byte_vector make_picture_list(std::uint32_t first_bytes, std::uint32_t second_bytes,
                              std::uint32_t second_offset);

} // namespace darkroom::codecs
