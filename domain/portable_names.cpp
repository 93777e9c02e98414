#include "domain/portable_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <utf8proc.h>

namespace darkroom::domain {

namespace {

struct freed {
  void operator()(void* memory) const { std::free(memory); }
};

std::string lower_ascii(std::string_view text) {
  std::string lower{text};
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c < 0x80; });
}

// Whether Windows takes this for a device: the part before the first dot, whatever its case.
bool is_device(std::string_view name) {
  auto base = lower_ascii(name.substr(0, name.find('.')));
  base.erase(base.find_last_not_of(' ') + 1);
  constexpr std::array<std::string_view, 6> devices{"con", "prn",    "aux",
                                                    "nul", "conin$", "conout$"};
  if (std::ranges::find(devices, base) != devices.end()) return true;
  if (!base.starts_with("com") && !base.starts_with("lpt")) return false;
  constexpr std::array<std::string_view, 3> superscripts{"\xc2\xb9", "\xc2\xb2", "\xc2\xb3"};
  const auto number = std::string_view(base).substr(3);
  return (number.size() == 1 && number >= "1" && number <= "9") ||
         std::ranges::find(superscripts, number) != superscripts.end();
}

std::string portable_part(std::string_view part, bool is_folder) {
  constexpr std::string_view refused = "<>:\"|?*\\";
  std::string name{part};
  std::ranges::replace_if(
      name,
      [&](unsigned char c) {
        return c < 0x20 || c == 0x7f || refused.find(static_cast<char>(c)) != refused.npos;
      },
      '_');
  if (is_folder)
    for (auto at = name.size(); at > 0 && (name[at - 1] == '.' || name[at - 1] == ' '); --at)
      name[at - 1] = '_';
  if (is_device(name)) name.insert(std::min(name.find('.'), name.size()), 1, '_');
  return name;
}

} // namespace

std::string folded_name(std::string_view path) {
  if (is_ascii(path)) return lower_ascii(path);
  constexpr auto options =
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
  utf8proc_uint8_t* raw = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(path.data()),
                                 static_cast<utf8proc_ssize_t>(path.size()), &raw, options);
  const std::unique_ptr<utf8proc_uint8_t, freed> folded(raw);
  if (size < 0) return lower_ascii(path);
  return {reinterpret_cast<const char*>(folded.get()), static_cast<std::size_t>(size)};
}

std::string portable_path(std::string_view path) {
  std::string portable;
  while (true) {
    const auto slash = path.find('/');
    const bool is_folder = slash != std::string_view::npos;
    portable += portable_part(path.substr(0, slash), is_folder);
    if (!is_folder) return portable;
    portable += '/';
    path.remove_prefix(slash + 1);
  }
}

std::string_view cut_text(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  return text.substr(0, end);
}

} // namespace darkroom::domain
