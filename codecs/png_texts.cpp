#include "codecs/png_texts.hpp"

#include "codecs/metadata/text_encoding.hpp"
#include "codecs/png_compress.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace darkroom::codecs {

namespace {

constexpr std::size_t compress_from_bytes = 1024; // below, a deflated text is hardly smaller

void append(byte_vector& to, std::string_view text) {
  to.insert(to.end(), text.begin(), text.end());
}

// Appends the text, deflated.
bool append_deflated(byte_vector& to, std::string_view text) {
  const auto stream =
      compress_profile({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  if (!stream) return false;
  const auto bytes = stream->bytes();
  to.insert(to.end(), bytes.begin(), bytes.end());
  return true;
}

std::optional<private_chunk> chunk_of(const text_entry& text) {
  const bool deflated = text.text.size() >= compress_from_bytes;
  const bool ascii =
      std::ranges::all_of(text.text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  const bool international =
      !text.language.empty() || !text.translated_keyword.empty() || (text.utf8 && !ascii);
  private_chunk made;
  append(made.bytes, text.keyword);
  made.bytes.push_back(0);
  if (international) {
    made.name = {'i', 'T', 'X', 't'};
    made.bytes.push_back(deflated ? 1 : 0);
    made.bytes.push_back(0); // method
    append(made.bytes, text.language);
    made.bytes.push_back(0);
    append(made.bytes, text.translated_keyword);
    made.bytes.push_back(0);
  } else {
    made.name = {deflated ? 'z' : 't', deflated ? 'T' : 'E', 'X', 't'};
    if (deflated) made.bytes.push_back(0); // method
  }
  if (!deflated)
    append(made.bytes, text.text);
  else if (!append_deflated(made.bytes, text.text))
    return std::nullopt;
  return made;
}

// "Raw profile type iptc", as ImageMagick writes and others read it: name, length and the bytes in
// hexadecimal digits, 36 a line.
std::optional<private_chunk> iptc_chunk(const byte_vector& resources) {
  constexpr char digits[] = "0123456789abcdef";
  constexpr std::size_t line_bytes = 36;
  std::string text = "\niptc\n" + std::to_string(resources.size());
  for (std::size_t i = 0; i < resources.size(); ++i) {
    if (i % line_bytes == 0) text += '\n';
    text += digits[resources[i] >> 4];
    text += digits[resources[i] & 15];
  }
  text += '\n';
  private_chunk made{{'z', 'T', 'X', 't'}, {}};
  append(made.bytes, std::string_view{"Raw profile type iptc\0\0", 23});
  if (!append_deflated(made.bytes, text)) return std::nullopt;
  return made;
}

} // namespace

std::optional<std::vector<private_chunk>> chunks_of(const metadata& meta) {
  std::vector<private_chunk> all;
  const auto add = [&](std::optional<private_chunk> made) {
    if (made) all.push_back(std::move(*made));
    return made.has_value();
  };
  for (const auto& text : meta.texts)
    if (!add(chunk_of(text))) return std::nullopt;
  if (!meta.iptc.empty() && !add(iptc_chunk(meta.iptc))) return std::nullopt;
  all.insert(all.end(), meta.chunks.begin(), meta.chunks.end());
  return all;
}

} // namespace darkroom::codecs
