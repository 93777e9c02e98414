// Texts by keyword, as PNG has them.
#pragma once

#include "codecs/metadata/metadata.hpp"
#include "codecs/metadata/metadata_selection.hpp"
#include "codecs/metadata/xmp_packet.hpp"

#include <string_view>

namespace darkroom::codecs {

// Keyword of PNG's comment, and of a JPEG's.
inline constexpr std::string_view comment_keyword = "Comment";

// `without_location` keeps the keywords that PNG registers, which are the author's words,
// `copyright` author and copyright. Returns whether anything was removed.
bool select_texts(std::vector<text_entry>& texts, metadata_selection selection);

// Adds a text to XMP, if there is a property of its meaning that has no other value yet.
bool add_text_to_xmp(const text_entry& text, xmp_packet& packet);

} // namespace darkroom::codecs
