// Image formats that no codec reads, told by their first bytes: such an image fails with the name
// of its format and is never taken for something that is no image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace darkroom::codecs {

// First bytes that are enough to tell every format, also an SVG with a long preamble.
inline constexpr std::size_t recognition_bytes = 4'096;

// The format's name as people write it; empty when the bytes are of no image that is known here.
// `head`: the first `recognition_bytes` of the file, fewer if it is shorter.
std::string_view unread_format_label(std::span<const std::uint8_t> head);

// Why a file with these first bytes cannot be decoded, and what to do: a sentence.
std::string unreadable_sentence(std::span<const std::uint8_t> head);

// Whether a file is an image by its first bytes, one that can be decoded or not.
bool is_image(std::span<const std::uint8_t> head);

// Whether the name ends as those of images do, whether they can be decoded or not.
bool has_image_extension(std::string_view path);

} // namespace darkroom::codecs
