// The tags of a colour profile (ICC.1) that say how its colours are.
#pragma once

#include "codecs/image.hpp"

#include <cstdint>
#include <span>

namespace darkroom::codecs {

struct selected_profile {
  byte_vector bytes; // empty where it could not be followed
  bool removed = false;
};

// Written anew with the tags of the standard, its name and its copyright: without private tags, and
// bytes that no tag points at.
selected_profile select_profile_tags(std::span<const std::uint8_t> profile);

} // namespace darkroom::codecs
