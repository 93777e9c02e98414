// What a picture says beside its pixels, as the codecs read and write it.
#pragma once

#include "codecs/image.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace darkroom::codecs {

class input_stream;

// What the samples mean, where no profile says it; values as in PNG's chunks.
struct colorimetry {
  std::optional<std::uint32_t> gamma;                       // gAMA
  std::optional<std::array<std::uint32_t, 8>> chromaticity; // cHRM: white, red, green, blue
  std::optional<std::uint8_t> srgb_intent;                  // sRGB
  std::optional<std::array<std::uint8_t, 4>> cicp; // cICP: primaries, transfer, matrix, full range
  std::optional<std::array<std::uint8_t, 24>> mastering;  // mDCV: colour volume of the display
  std::optional<std::array<std::uint8_t, 8>> light_level; // cLLI
  bool empty() const { return !gamma && !chromaticity && !srgb_intent && !cicp; }
};

// Pixels a metre; where not `metric`, only their ratio says something: the shape of a pixel.
struct pixel_density {
  std::uint32_t x = 0, y = 0;
  bool metric = true;
};

// A text of a PNG (tEXt, zTXt, iTXt), or the comment of a JPEG under the keyword `Comment`.
struct text_entry {
  std::string keyword; // 1 to 79 bytes, Latin-1
  std::string text;    // Latin-1; of a JPEG in an unknown encoding
  bool utf8 = false;   // the text is UTF-8
  std::string language = {}, translated_keyword = {};
};

// A chunk that Darkroom does not know, but may copy: its name says so (PNG, "safe to copy").
struct private_chunk {
  std::array<char, 4> name{};
  byte_vector bytes;
};

// The second picture of a JPEG, which says how much brighter each part is on an HDR display. Its
// bytes stay in the source until they are copied.
struct gain_map {
  const input_stream* source = nullptr;
  std::uint64_t offset = 0, bytes = 0;
  byte_vector iso_marker; // ISO 21496-1: content of the main picture's APP2 marker; may be empty
};

struct metadata {
  byte_vector exif; // TIFF structure, without any format's prefix
  byte_vector xmp;  // packet
  byte_vector icc;  // profile
  byte_vector iptc; // Photoshop image resources: the IIM record, copyright flag and address
  std::vector<text_entry> texts;
  std::vector<private_chunk> chunks;
  std::optional<gain_map> gain;
  colorimetry colour;
  std::optional<pixel_density> density;
  bool xmp_extension_lost = false; // ExtendedXMP, which did not fit the packet
  bool became_srgb = false; // the pixels were converted: the source's colorimetry no longer applies
};

} // namespace darkroom::codecs
