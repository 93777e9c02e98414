#include "codecs/metadata/text_encoding.hpp"

#include <algorithm>

namespace darkroom::codecs {

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(at);
    const std::size_t size = lead < 0x80            ? 1
                             : lead >> 5 == 0b110   ? 2
                             : lead >> 4 == 0b1110  ? 3
                             : lead >> 3 == 0b11110 ? 4
                                                    : 0;
    if (size == 0 || at + size > text.size()) return false;
    std::uint32_t c = size == 1 ? lead : lead & (0x7fu >> size);
    for (std::size_t i = 1; i < size; ++i) {
      if (byte(at + i) >> 6 != 0b10) return false;
      c = c << 6 | (byte(at + i) & 0x3fu);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return false;
    at += size;
  }
  return true;
}

std::string utf8_for_xml(std::string_view text) {
  const bool utf8 = is_utf8(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    const auto three = text.substr(at, 3);
    if (utf8 && (three == "\xef\xbf\xbe" || three == "\xef\xbf\xbf")) { // U+FFFE and U+FFFF
      at += 2;
      continue;
    }
    if (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') continue;
    if (utf8 || byte < 0x80) {
      out += c;
      continue;
    }
    out += static_cast<char>(0xc0 | byte >> 6);
    out += static_cast<char>(0x80 | (byte & 0x3f));
  }
  return out;
}

bool is_language_tag(std::string_view text) {
  const auto all = [](std::string_view part, auto is) { return std::ranges::all_of(part, is); };
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text == "x-default") return true;
  if (text.ends_with('-')) return false;
  const auto next = [&text] {
    const auto part = text.substr(0, text.find('-'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return part;
  };
  const auto language = next();
  if (language.size() < 2 || language.size() > 3 || !all(language, is_letter)) return false;
  auto part = next();
  if (part.size() == 4 && all(part, is_letter)) part = next(); // script
  const bool is_region =
      (part.size() == 2 && all(part, is_letter)) || (part.size() == 3 && all(part, is_digit));
  return (part.empty() || is_region) && text.empty();
}

} // namespace darkroom::codecs
