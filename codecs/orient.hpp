// Turns pixels upright.
#pragma once

#include "codecs/image.hpp"

namespace darkroom::codecs {

// Whether `orient` can do it: 4:2:0 chroma can be turned only where it does not cross an odd edge.
bool can_orient(pixel_layout layout, std::uint32_t width, std::uint32_t height,
                std::uint8_t orientation);

// Applies an EXIF orientation, 1 to 8. Takes a second image's memory, except for 1.
result<image> orient(image pixels, std::uint8_t orientation);

} // namespace darkroom::codecs
