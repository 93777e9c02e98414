// What a PNG says beside its pixels. The chunks are walked by their heads, those behind the pixels
// too, and only what is kept is read: whatever else a file holds costs neither memory nor time.
#pragma once

#include "codecs/input_stream.hpp"
#include "codecs/metadata/metadata.hpp"
#include "domain/loss.hpp"

#include <array>
#include <optional>

namespace darkroom::codecs {

struct png_chunks {
  // Of eXIf, or of a text chunk "Raw profile type exif" (or APP1), as ImageMagick writes it.
  byte_vector exif;
  byte_vector xmp;  // of iTXt "XML:com.adobe.xmp", or of a raw profile
  byte_vector iptc; // of a raw profile: image resources
  std::vector<text_entry> texts;
  std::vector<private_chunk> chunks; // whose names say that they may be copied
  byte_vector icc;                   // of iCCP, as it is there: not checked
  std::optional<std::array<std::uint8_t, 4>> cicp;
  std::optional<std::array<std::uint8_t, 24>> mastering;
  std::optional<std::array<std::uint8_t, 8>> light_level;
  std::uint32_t frames = 1; // more for an APNG, as it says
  bool ended = false;       // there is an IEND
  // Metadata that is there, but damaged, out of place, or too large with what was kept before it.
  domain::loss_set losses;
};

// Does not move the stream's position. Takes `limits::metadata_bytes_max` bytes of memory at most.
png_chunks read_png_chunks(const input_stream& in);

} // namespace darkroom::codecs
