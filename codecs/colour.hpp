// Colour management with Little CMS: profiles are parsed only here, and so only in a codec host.
#pragma once

#include "codecs/image.hpp"

namespace darkroom::codecs {

// Whether the profile says that it is for pixels of this layout (ICC.1, header, bytes 16 to 19).
bool profile_fits(const byte_vector& icc, pixel_layout layout);

// Converts to sRGB pixels, with alpha where there was alpha. Nothing when the profile cannot be
// used; `limit_memory` when there is no memory.
result<std::optional<image>> to_srgb(const image& pixels, const byte_vector& icc);

// CMYK to RGB without a profile: the light that each ink lets through.
result<image> cmyk_to_rgb(const image& pixels);

// A profile that says the same as PNG's gamma and chromaticities, for grey or for RGB pixels; empty
// where they say sRGB or nothing, or nothing sensible.
byte_vector profile_of(const colorimetry& colour, bool grey);

std::string colour_library_version();

} // namespace darkroom::codecs
