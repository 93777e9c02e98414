#include "codecs/metadata/profile_tags.hpp"

#include "base/byte_order.hpp"
#include "base/units.hpp"
#include "codecs/limits.hpp"
#include "codecs/metadata/text_encoding.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace darkroom::codecs {

namespace {

constexpr std::size_t profile_header_bytes = 128;
constexpr std::size_t profile_entry_bytes = 12; // signature, offset, size
// An identifier, which is of the bytes as they were, and what is reserved.
constexpr std::size_t identifier_begin = 84;
constexpr std::size_t text_bytes_max = 16 * limits::KiB; // of a name in some forty languages

// ICC.1:2022, section 9, and ICC.1:2001 for bkpt.
constexpr std::string_view colour_tags[] = {
    "A2B0", "A2B1", "A2B2", "A2B3", "B2A0", "B2A1", "B2A2", "B2A3", "B2D0", "B2D1",
    "B2D2", "B2D3", "D2B0", "D2B1", "D2B2", "D2B3", "bTRC", "bXYZ", "bkpt", "chad",
    "chrm", "cicp", "clro", "clrt", "gTRC", "gXYZ", "gamt", "kTRC", "lumi", "meas",
    "pre0", "pre1", "pre2", "rTRC", "rXYZ", "rig0", "rig2", "tech", "view", "wtpt"};
constexpr std::string_view text_tags[] = {"cprt", "desc"};

bool is_colour_tag(std::string_view signature, std::size_t size) {
  if (std::ranges::find(text_tags, signature) != std::end(text_tags)) return size <= text_bytes_max;
  return std::ranges::find(colour_tags, signature) != std::end(colour_tags);
}

} // namespace

selected_profile select_profile_tags(std::span<const std::uint8_t> profile) {
  selected_profile out;
  if (profile.size() < profile_header_bytes + 4) return out;
  const std::uint32_t count = base::read_u32_be(&profile[profile_header_bytes]);
  const std::size_t table_at = profile_header_bytes + 4;
  if (count > limits::icc_tags_max || profile.size() - table_at < count * profile_entry_bytes)
    return out;
  using range = std::pair<std::uint32_t, std::uint32_t>; // offset and size
  std::vector<std::pair<std::span<const std::uint8_t>, range>> kept;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto entry = profile.subspan(table_at + i * profile_entry_bytes, profile_entry_bytes);
    const range at{base::read_u32_be(&entry[4]), base::read_u32_be(&entry[8])};
    if (at.first > profile.size() || at.second > profile.size() - at.first) return out;
    if (is_colour_tag(as_text(entry.first(4)), at.second))
      kept.emplace_back(entry.first(4), at);
    else
      out.removed = true;
  }
  byte_vector made(profile.begin(), profile.begin() + profile_header_bytes);
  std::fill(made.begin() + identifier_begin, made.end(), std::uint8_t{0});
  made.resize(table_at + kept.size() * profile_entry_bytes);
  base::write_u32_be(&made[profile_header_bytes], static_cast<std::uint32_t>(kept.size()));
  std::map<range, std::uint32_t> written; // tags may share their data
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto& [signature, at] = kept[i];
    const auto [place, is_new] = written.emplace(at, static_cast<std::uint32_t>(made.size()));
    if (is_new) {
      if (made.size() + at.second > profile.size() + table_at) return out; // they overlap
      const auto data = profile.subspan(at.first, at.second);
      made.insert(made.end(), data.begin(), data.end());
      made.resize((made.size() + 3) / 4 * 4);
    }
    auto* entry = &made[table_at + i * profile_entry_bytes];
    std::ranges::copy(signature, entry);
    base::write_u32_be(entry + 4, place->second);
    base::write_u32_be(entry + 8, at.second);
  }
  base::write_u32_be(made.data(), static_cast<std::uint32_t>(made.size()));
  out.bytes = std::move(made);
  return out;
}

} // namespace darkroom::codecs
