// Changes between pixel layouts and depths that need no colour management.
#pragma once

#include "codecs/image.hpp"
#include "domain/conversion_spec.hpp"

namespace darkroom::codecs {

// Blends transparency with the background; the picture has no alpha afterwards. Grey stays grey
// where the background is grey. `was_transparent` says whether anything was not opaque.
result<image> flatten(const image& pixels, domain::rgb_colour background, bool* was_transparent);

// 16 bits a sample to 8, rounded.
result<image> reduce_depth(const image& pixels);

// Grey to RGB, with alpha where there was alpha.
result<image> expand_grey(const image& pixels);

} // namespace darkroom::codecs
