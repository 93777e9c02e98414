// What an output does not hold of its source, or holds otherwise: declared on every file.
// The numbers are stored in journals: never renumber, only append; at most 32.
#pragma once

#include "base/enum_names.hpp"

#include <cstdint>
#include <vector>

namespace darkroom::domain {

enum class loss : std::uint8_t {
  alpha_flattened,        // transparency was blended with the background
  animation_dropped,      // only the first frame was kept
  bit_depth_reduced,      // 16 bits a channel became 8
  icc_converted,          // pixels were converted to another colour space
  icc_dropped,            // the profile could not be kept and could not be used
  cmyk_converted,         // CMYK became RGB
  exif_dropped,           // EXIF could not be kept
  xmp_dropped,            // XMP, or a part of it, could not be kept
  location_stripped,      // the place was removed from the metadata
  upscaled,               // the output is larger than the source
  truncated_salvaged,     // the source ends too early: the rest of the picture is blank
  damage_salvaged,        // the source is damaged: parts of the picture may be wrong
  kept_original,          // the saving was too small: the source's bytes were kept
  existing_kept,          // the output existed and was left as it was
  hdr_dropped,            // the samples were PQ or HLG, and the output cannot say so: it looks pale
  iptc_dropped,           // the IPTC record could not be kept; what XMP has a property for is there
  comment_dropped,        // the comment could not be kept
  text_dropped,           // texts of a PNG could not be kept
  density_dropped,        // pixels an inch, or the shape of a pixel, could not be kept
  c2pa_dropped,           // content credentials: they are bound to the source's bytes
  gain_map_dropped,       // the HDR part of the picture
  video_dropped,          // of a motion photo
  images_dropped,         // further pictures in the file, such as a depth map
  other_metadata_dropped, // data of programs and cameras that Darkroom does not know
  metadata_reduced,       // with strip_location: what may contain a location was removed
};

} // namespace darkroom::domain

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::domain::loss> =
    names("alpha_flattened", "animation_dropped", "bit_depth_reduced", "icc_converted",
          "icc_dropped", "cmyk_converted", "exif_dropped", "xmp_dropped", "location_stripped",
          "upscaled", "truncated_salvaged", "damage_salvaged", "kept_original", "existing_kept",
          "hdr_dropped", "iptc_dropped", "comment_dropped", "text_dropped", "density_dropped",
          "c2pa_dropped", "gain_map_dropped", "video_dropped", "images_dropped",
          "other_metadata_dropped", "metadata_reduced");

namespace darkroom::domain {

using base::to_string;
static_assert(base::enum_count<loss> <= 32); // the bits of a loss_set

// A set of losses as bits, so that it travels and compares as one integer.
struct loss_set {
  std::uint32_t bits = 0;

  void add(loss l) { bits |= 1u << static_cast<unsigned>(l); }
  void add(loss_set other) { bits |= other.bits; }
  void remove(loss l) { bits &= ~(1u << static_cast<unsigned>(l)); }
  void remove(loss_set other) { bits &= ~other.bits; }
  bool has(loss l) const { return (bits >> static_cast<unsigned>(l) & 1u) != 0; }
  bool empty() const { return bits == 0; }
  // Drops bits that no loss has: for sets that came from outside the process.
  void drop_unknown() { bits &= (1ull << base::enum_count<loss>)-1; }
  std::vector<loss> list() const;
  bool operator==(const loss_set&) const = default;
};

// What is lost beside the picture itself by writing it anew: bytes that are kept hold all of it.
loss_set losses_beside_picture();

} // namespace darkroom::domain
