#include "codecs/xmp.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace darkroom::codecs {

namespace {

constexpr std::string_view tiff_namespace = "http://ns.adobe.com/tiff/1.0/";
constexpr std::string_view exif_namespace = "http://ns.adobe.com/exif/1.0/";
constexpr std::string_view space = " \t\r\n";

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

// The quoted value behind an attribute's name that ends at `at`: begin and end of what is between
// the quotes. Nothing when there is no `="…"`.
std::optional<std::pair<std::size_t, std::size_t>> quoted_at(std::string_view text,
                                                             std::size_t at) {
  at = text.find_first_not_of(space, at);
  if (at == std::string_view::npos || text[at] != '=') return std::nullopt;
  at = text.find_first_not_of(space, at + 1);
  if (at == std::string_view::npos || (text[at] != '"' && text[at] != '\'')) return std::nullopt;
  const auto end = text.find(text[at], at + 1);
  if (end == std::string_view::npos) return std::nullopt;
  return std::pair{at + 1, end};
}

// Prefixes that are bound to a namespace anywhere in the packet.
std::set<std::string> prefixes_of(std::string_view text, std::string_view name_space) {
  constexpr std::string_view binding = "xmlns:";
  std::set<std::string> found;
  for (auto at = text.find(binding); at != std::string_view::npos; at = text.find(binding, at)) {
    at += binding.size();
    auto end = at;
    while (end < text.size() && is_name_char(text[end]))
      ++end;
    const auto value = quoted_at(text, end);
    if (value && text.substr(value->first, value->second - value->first) == name_space)
      found.emplace(text.substr(at, end - at));
  }
  return found;
}

// Gives every attribute and every element of this name the value.
void set_property(std::string& text, const std::string& name, const std::string& value) {
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
    const char before = at == 0 ? ' ' : text[at - 1];
    at += name.size();
    if (at < text.size() && is_name_char(text[at])) continue;
    if (before == '<') { // an element: its text
      const auto begin = text.find('>', at);
      if (begin == std::string::npos) return;
      const auto end = text.find('<', begin);
      if (end == std::string::npos) return;
      if (text[begin - 1] != '/') text.replace(begin + 1, end - begin - 1, value);
    } else if (space.find(before) != std::string_view::npos) {
      if (const auto quoted = quoted_at(text, at))
        text.replace(quoted->first, quoted->second - quoted->first, value);
    }
  }
}

} // namespace

byte_vector change_xmp(std::span<const std::uint8_t> xmp, const xmp_changes& changes) {
  std::string text(reinterpret_cast<const char*>(xmp.data()), xmp.size());
  for (const auto& prefix : prefixes_of(text, tiff_namespace)) {
    if (changes.orientation)
      set_property(text, prefix + ":Orientation", std::to_string(*changes.orientation));
    if (changes.width != 0)
      set_property(text, prefix + ":ImageWidth", std::to_string(changes.width));
    if (changes.height != 0)
      set_property(text, prefix + ":ImageLength", std::to_string(changes.height));
  }
  for (const auto& prefix : prefixes_of(text, exif_namespace)) {
    if (changes.width != 0)
      set_property(text, prefix + ":PixelXDimension", std::to_string(changes.width));
    if (changes.height != 0)
      set_property(text, prefix + ":PixelYDimension", std::to_string(changes.height));
    if (changes.srgb) set_property(text, prefix + ":ColorSpace", "1");
  }
  return {text.begin(), text.end()};
}

bool xmp_has_location(std::span<const std::uint8_t> xmp) {
  const std::string_view text{reinterpret_cast<const char*>(xmp.data()), xmp.size()};
  constexpr std::string_view marks[] = {"GPS",
                                        "Iptc4xmpCore:Location",
                                        "photoshop:City",
                                        "photoshop:State",
                                        "photoshop:Country",
                                        "Iptc4xmpExt:Location"};
  return std::ranges::any_of(
      marks, [&](std::string_view m) { return text.find(m) != std::string_view::npos; });
}

} // namespace darkroom::codecs
