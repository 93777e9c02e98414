#include "codecs/metadata/text_encoding.hpp"

namespace darkroom::codecs {

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(at);
    const std::size_t size = lead < 0x80             ? 1
                             : lead >> 5 == 0b110    ? 2
                             : lead >> 4 == 0b1110   ? 3
                             : lead >> 3 == 0b11110  ? 4
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
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') continue;
    if (utf8 || byte < 0x80) {
      out += c;
      continue;
    }
    out += static_cast<char>(0xc0 | byte >> 6);
    out += static_cast<char>(0x80 | (byte & 0x3f));
  }
  // U+FFFE and U+FFFF are the only others that XML cannot hold.
  for (const std::string_view bad : {"\xef\xbf\xbe", "\xef\xbf\xbf"})
    for (auto at = out.find(bad); at != std::string::npos; at = out.find(bad, at))
      out.erase(at, bad.size());
  return out;
}

} // namespace darkroom::codecs
