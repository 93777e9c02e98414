#include "domain/companions.hpp"

#include "domain/portable_names.hpp"

namespace darkroom::domain {

namespace {

// Bytes of the UTF-8 character that begins there; 1 where none does.
std::size_t character_bytes(std::string_view text) {
  std::size_t bytes = 1;
  while (bytes < text.size() && bytes < 4 &&
         (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80)
    ++bytes;
  return bytes;
}

// At most the product of both lengths: after a mismatch only the last `*` takes one character more.
bool fits_pattern(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t += character_bytes(text.substr(t));
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

} // namespace

bool matches(const companion& wanted, std::string_view path) {
  return fits_pattern(folded_name(wanted.pattern), folded_name(path));
}

std::string missing_companions(std::span<const companion> required,
                               std::span<const std::uint32_t> present) {
  std::string text;
  for (std::size_t i = 0; i < required.size(); ++i) {
    const auto there = i < present.size() ? present[i] : 0;
    if (there >= required[i].count) continue;
    text += (text.empty() ? "" : "; ") + required[i].role + ": " + std::to_string(there) + " of " +
            std::to_string(required[i].count) + " files like " + required[i].pattern;
  }
  return text;
}

} // namespace darkroom::domain
