// IPTC's Information Interchange Model (IIM 4.2) in Photoshop's image resources: what JPEG keeps in
// APP13, PNG in "Raw profile type iptc", and TIFF in its tag 0x8649.
#pragma once

#include "codecs/image.hpp"
#include "codecs/metadata/metadata_selection.hpp"
#include "codecs/metadata/xmp_packet.hpp"

#include <cstdint>
#include <span>

namespace darkroom::codecs {

// The resources that are kept: the IIM record, the copyright flag and its address. The others are
// of the document as it was: thumbnails, paths, digests, print settings. Empty when there is none
// of them.
byte_vector kept_resources(std::span<const std::uint8_t> resources);

// An IIM record as a resource, for those that stand alone.
byte_vector as_resource(std::span<const std::uint8_t> iim);

struct selected_iptc {
  byte_vector resources; // empty where nothing is left
  bool location_removed = false, other_removed = false;
};

// `without_location` keeps the datasets of record 2 that are known to contain no location,
// `copyright` by-line, credit, source, copyright and contact.
selected_iptc select_iptc(std::span<const std::uint8_t> resources, metadata_selection selection);

bool iptc_has_location(std::span<const std::uint8_t> resources);
bool iim_has_location(std::span<const std::uint8_t> iim);

// Adds what XMP has a property for (IPTC Photo Metadata Standard, its mapping), where it has no
// value yet.
void add_iptc_to_xmp(std::span<const std::uint8_t> resources, xmp_packet& packet);

} // namespace darkroom::codecs
