#include "http/file_path.hpp"

#include "base/result.hpp"
#include "http/limits.hpp"

#include <cstdlib>
#include <memory>
#include <utf8proc.h>

namespace darkroom::http {

namespace {

struct freed {
  void operator()(void* memory) const { std::free(memory); }
};

bool has_control(std::string_view text) {
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t point = 0;
    const auto n = utf8proc_iterate(at, left, &point);
    if (n <= 0) return true;
    const auto category = utf8proc_category(point);
    // Direction marks make a name look like another one.
    const bool turns = (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
    if (category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
        category == UTF8PROC_CATEGORY_ZP || turns)
      return true;
    at += n;
    left -= n;
  }
  return false;
}

} // namespace

bool is_nfc(std::string_view text) {
  utf8proc_uint8_t* raw = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &raw,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, freed> normal(raw);
  return size >= 0 && text == std::string_view(reinterpret_cast<const char*>(normal.get()),
                                               static_cast<std::size_t>(size));
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
