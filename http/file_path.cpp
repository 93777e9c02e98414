#include "http/file_path.hpp"

#include "base/result.hpp"
#include "domain/portable_names.hpp"
#include "http/limits.hpp"

#include <cstdlib>
#include <memory>
#include <optional>
#include <utf8proc.h>
#include <vector>

namespace darkroom::http {

namespace {

struct freed {
  void operator()(void* memory) const { std::free(memory); }
};

// Whether a path may not have this character.
bool is_refused(utf8proc_int32_t point) {
  const auto category = utf8proc_category(point);
  // Direction marks make a name look like another one.
  const bool turns = (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP || turns;
}

// Calls `visit` with each character and its bytes; with a negative one and a byte that begins none.
template<class Visit>
void each_character(std::string_view text, Visit visit) {
  while (!text.empty()) {
    utf8proc_int32_t point = -1;
    const auto n = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                    static_cast<utf8proc_ssize_t>(text.size()), &point);
    const auto size = n <= 0 ? std::size_t{1} : static_cast<std::size_t>(n);
    visit(n <= 0 ? -1 : point, text.substr(0, size));
    text.remove_prefix(size);
  }
}

bool has_control(std::string_view text) {
  bool found = false;
  each_character(text, [&](utf8proc_int32_t point, std::string_view) {
    found = found || point < 0 || is_refused(point);
  });
  return found;
}

// In normal form C; nothing for what is no UTF-8.
std::optional<std::string> composed(std::string_view text) {
  utf8proc_uint8_t* raw = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &raw,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, freed> normal(raw);
  if (size < 0) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(normal.get()), static_cast<std::size_t>(size));
}

std::string with_allowed_characters(std::string_view path) {
  std::string text;
  each_character(path, [&](utf8proc_int32_t point, std::string_view bytes) {
    const auto byte = static_cast<unsigned char>(bytes[0]);
    if (point < 0 && byte >= 0xa0)
      text += {static_cast<char>(0xc0 | (byte >> 6)), static_cast<char>(0x80 | (byte & 0x3f))};
    else if (point < 0 || point == '\\' || is_refused(point))
      text += '_';
    else
      text += bytes;
  });
  return composed(text).value_or("_");
}

// No longer than a part may be; its extension stays if it is one.
std::string shortened_part(const std::string& part) {
  constexpr std::size_t most = limits::path_segment_bytes_max, extension_most = 16;
  if (part == "." || part == "..") return std::string(part.size(), '_');
  if (part.size() <= most) return part;
  const auto dot = part.rfind('.');
  const auto end = dot == std::string::npos || part.size() - dot > extension_most
                       ? std::string{}
                       : part.substr(dot);
  return std::string{domain::cut_text(part, most - end.size())} + end;
}

} // namespace

bool is_nfc(std::string_view text) {
  return composed(text) == text;
}

std::string nearest_file_path(std::string_view path) {
  if (check_file_path(path)) return std::string{path};
  const auto allowed = with_allowed_characters(path);
  std::vector<std::string> parts;
  std::size_t bytes = 0;
  for (std::size_t at = 0; at <= allowed.size();) {
    const auto end = std::min(allowed.find('/', at), allowed.size());
    if (end > at) {
      parts.push_back(shortened_part(allowed.substr(at, end - at)));
      bytes += parts.back().size() + 1;
    }
    at = end + 1;
  }
  if (parts.empty()) return "file";
  while (bytes > limits::path_bytes_max + 1) { // the last slash is none
    bytes -= parts[parts.size() - 2].size() + 1;
    parts.erase(parts.end() - 2);
  }
  std::string text;
  for (const auto& part : parts)
    text += (text.empty() ? "" : "/") + part;
  return text;
}

base::result<void, std::string> check_file_path(std::string_view path) {
  const auto refuse = [](const char* why) { return std::unexpected(std::string{why}); };
  if (path.empty()) return refuse("The path is empty.");
  if (path.size() > limits::path_bytes_max) return refuse("The path has more than 1,024 bytes.");
  if (!is_nfc(path)) return refuse("The path is not UTF-8 in normal form C.");
  if (has_control(path)) return refuse("The path has a control character.");
  if (path.front() == '/') return refuse("The path is absolute.");
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto part = path.substr(at, end - at);
    if (part.empty()) return refuse("A part of the path is empty.");
    if (part == "." || part == "..") return refuse("The path has a part '.' or '..'.");
    if (part.size() > limits::path_segment_bytes_max)
      return refuse("A part of the path has more than 255 bytes.");
    at = end + 1;
  }
  // As other systems would read it.
  if (path.find('\\') != std::string_view::npos) return refuse("The path has a backslash.");
  return {};
}

} // namespace darkroom::http
