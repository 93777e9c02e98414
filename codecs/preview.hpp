// Looking at what an output would be before it is made: smaller, or a part of it.
#pragma once

#include "codecs/resize.hpp"

namespace darkroom::codecs {

// The output `asked` for, made so that it is at most `width` pixels wide; `full` is what the whole
// one does. Padding around a picture that is not enlarged stays in proportion to it only at full
// size: such an output is not changed.
domain::output_spec at_width(const domain::output_spec& asked, const resize_plan& full,
                             std::uint32_t width);

// About how many bytes an output has with `full_pixels`, when it has `bytes` with `shown_pixels`.
// Larger pictures take fewer bytes a pixel: by photos of eight cameras in three formats and three
// sizes, bytes grow with the pixels to the power of 0.61 to 0.87, 0.75 in the middle.
std::uint64_t estimated_bytes(std::uint64_t bytes, std::uint64_t shown_pixels,
                              std::uint64_t full_pixels);

} // namespace darkroom::codecs
