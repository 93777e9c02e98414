// Texts, IPTC and chunks of other programs as the chunks that a PNG holds them in.
#pragma once

#include "codecs/metadata/metadata.hpp"

#include <optional>
#include <vector>

namespace darkroom::codecs {

// In the order in which they are written; nothing when there is no memory.
std::optional<std::vector<private_chunk>> chunks_of(const metadata& meta);

} // namespace darkroom::codecs
