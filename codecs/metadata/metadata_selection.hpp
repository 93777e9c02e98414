// What the metadata policies that keep a part select.
#pragma once

#include <cstdint>

namespace darkroom::codecs {

enum class metadata_selection : std::uint8_t {
  without_location, // only what is known to contain no location
  copyright,        // creator, rights, credit, contact and licence
};

} // namespace darkroom::codecs
