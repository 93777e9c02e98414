// Colour management with Little CMS: profiles are parsed only here, and so only in a codec host.
#pragma once

#include "codecs/metadata/metadata.hpp"
#include "domain/conversion_spec.hpp"

namespace darkroom::codecs {

// Whether a profile can be embedded by every encoder and read by every reader: its header, its
// size, its tag table, and that lcms opens it (ICC.1, section 7). What follows its end is cut off.
bool check_profile(byte_vector& icc);

// Whether the profile says that it is for pixels of this layout (ICC.1, header, bytes 16 to 19).
bool profile_fits(const byte_vector& icc, pixel_layout layout);

// Converts to sRGB pixels, with alpha where there was alpha. Nothing when the profile cannot be
// used; `limit_memory` when there is no memory.
result<std::optional<image>> to_srgb(const image& pixels, const byte_vector& icc,
                                     domain::rendering_intent intent);

// CMYK to RGB without a profile: the light that each ink lets through.
result<image> cmyk_to_rgb(const image& pixels);

// A profile that says the same as PNG's gamma and chromaticities, or as its cICP, for grey or for
// RGB pixels; empty where they say sRGB or nothing, nothing sensible, or what no profile can say.
byte_vector profile_of(const colorimetry& colour, bool grey);

// Whether cICP says that the samples are PQ or HLG (ITU-T H.273, transfer 16 and 18).
bool is_hdr(const colorimetry& colour);

// A profile by which equal red, green and blue look as the grey does by this one. Empty when the
// profile is no curve.
byte_vector profile_of_grey_in_rgb(const byte_vector& grey);

std::string colour_library_version();

} // namespace darkroom::codecs
