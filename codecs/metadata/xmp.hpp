// What Darkroom reads and changes in XMP: what it says of the pixels and of other parts of the
// file, and which properties each metadata policy keeps.
#pragma once

#include "codecs/metadata/metadata_selection.hpp"
#include "codecs/metadata/xmp_packet.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace darkroom::codecs {

namespace xmp_uri {
inline constexpr std::string_view dc = "http://purl.org/dc/elements/1.1/";
inline constexpr std::string_view xmp = "http://ns.adobe.com/xap/1.0/";
inline constexpr std::string_view rights = "http://ns.adobe.com/xap/1.0/rights/";
inline constexpr std::string_view photoshop = "http://ns.adobe.com/photoshop/1.0/";
inline constexpr std::string_view tiff = "http://ns.adobe.com/tiff/1.0/";
inline constexpr std::string_view exif = "http://ns.adobe.com/exif/1.0/";
inline constexpr std::string_view iptc_core = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/";
} // namespace xmp_uri

// What the output lacks, or has with other values than the source's XMP says.
struct xmp_changes {
  std::optional<std::uint8_t> orientation; // nothing: left as it is
  std::uint32_t width = 0, height = 0;     // of the output; 0: left as they are
  bool srgb = false;                       // the pixels became sRGB
  bool gain_map_gone = false, video_gone = false;
  bool extension_gone = false; // ExtendedXMP, which the packet may point at
};

// Gives the properties that exist the new values, and removes those that promise what is gone.
// Returns whether anything changed.
bool change_xmp(xmp_packet& packet, const xmp_changes& changes);

struct xmp_removals {
  bool location = false; // a property whose meaning is a place
  bool other = false;    // one that is not known
};

// Keeps known properties, each member of a structure by itself.
xmp_removals select_xmp(xmp_packet& packet, metadata_selection selection);

// Whether a place is what a property of this local name means.
bool names_location(std::string_view local_name);

// Whether bytes that could not be read as a packet may speak of other parts of the file.
bool promises_parts(std::span<const std::uint8_t> bytes);

// Whether the packet says that a video follows the picture.
bool promises_video(const xmp_packet& packet);

// Adds a property where there is none. False where it is there already and does not say the same.
bool add_text(xmp_packet& packet, std::string_view uri, std::string_view name,
              std::string_view text);
bool add_language_alternative(xmp_packet& packet, std::string_view uri, std::string_view name,
                              std::string_view text);
// A list with these items; the existing one may hold others too.
bool add_list(xmp_packet& packet, std::string_view uri, std::string_view name, xmp_node::form list,
              const std::vector<std::string>& items);

} // namespace darkroom::codecs
