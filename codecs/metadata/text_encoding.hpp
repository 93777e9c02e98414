// Texts of metadata that do not say what they are encoded in.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace darkroom::codecs {

// RFC 3629: no surrogates, nothing overlong, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text);

// As UTF-8 for XML: what is UTF-8 already stays, else it is taken for Latin-1. Control characters
// that XML cannot hold are left out.
std::string utf8_for_xml(std::string_view text);

// Language, script and region (RFC 5646), or `x-default`: what is longer could say anything.
bool is_language_tag(std::string_view text);

inline std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace darkroom::codecs
