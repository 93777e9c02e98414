#include "codecs/jpeg_appended.hpp"

#include "base/byte_order.hpp"
#include "base/units.hpp"
#include "codecs/jpeg_format.hpp"
#include "codecs/metadata/exif_directories.hpp"
#include "codecs/metadata/text_encoding.hpp"
#include "codecs/metadata/tiff_view.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace darkroom::codecs {

namespace {

enum mpf_tag : std::uint16_t {
  mpf_version = 0xb000,
  mpf_pictures = 0xb001,
  mpf_entries = 0xb002,
};
constexpr std::size_t mpf_entry_bytes = 16;
constexpr std::size_t pictures_max = 64; // cameras write 2 to 4
constexpr std::uint32_t type_mask = 0xffffff;
constexpr std::uint32_t type_large_thumbnail = 0x010000; // and what follows, to 0x01ffff
constexpr std::uint32_t type_primary = 0x030000;

// Where the metadata of a gain map is looked for; it stands before the pixels.
constexpr std::size_t head_bytes_max = 64 * limits::KiB;
// A video's first box is of 20 to 40 bytes; Samsung's trailer begins with a name.
constexpr std::size_t video_head_bytes = 128;

struct range {
  std::uint64_t begin = 0, end = 0;
};

struct further_picture {
  range at;
  std::uint32_t type = 0;
};

std::vector<further_picture> pictures_of(const jpeg_picture_list& list, std::uint64_t file_bytes) {
  std::vector<further_picture> found;
  const tiff_view<const std::uint8_t> tiff(list.bytes);
  if (!tiff.valid()) return found;
  const std::size_t entry = tiff.find(tiff.u32(4), mpf_entries);
  if (entry == 0) return found;
  const std::uint32_t bytes = tiff.u32(entry + 4);
  const std::uint64_t at = tiff.u32(entry + 8);
  const auto count = std::min<std::size_t>(bytes / mpf_entry_bytes, pictures_max);
  if (!tiff.holds(at, count * mpf_entry_bytes)) return found;
  for (std::size_t i = 0; i < count; ++i) {
    const auto one = static_cast<std::size_t>(at) + i * mpf_entry_bytes;
    const std::uint64_t size = tiff.u32(one + 4), offset = tiff.u32(one + 8);
    if (offset == 0) continue; // the main picture
    const auto begin = list.offset + offset;
    if (size == 0 || begin > file_bytes || size > file_bytes - begin) continue;
    found.push_back({{begin, begin + size}, tiff.u32(one) & type_mask});
  }
  std::ranges::sort(found, {}, [](const further_picture& p) { return p.at.begin; });
  return found;
}

byte_vector head_of(const input_stream& in, const range& at, std::size_t most) {
  byte_vector head(static_cast<std::size_t>(std::min<std::uint64_t>(at.end - at.begin, most)));
  head.resize(in.read_at(at.begin, head));
  return head;
}

bool is_gain_map(const input_stream& in, const further_picture& picture) {
  const auto head = head_of(in, picture.at, head_bytes_max);
  const auto text = as_text(head);
  if (!text.starts_with("\xff\xd8\xff")) return false;
  return text.find(jpeg_gain_map_prefix) != std::string_view::npos ||
         text.find("ns.adobe.com/hdr-gain-map/") != std::string_view::npos ||
         text.find("ns.apple.com/HDRGainMap/") != std::string_view::npos;
}

// Whether there is anything but padding.
bool holds_data(const byte_vector& head) {
  return std::ranges::any_of(head, [](std::uint8_t b) {
    return b != 0 && b != 0xff && b != ' ' && b != '\n' && b != '\r';
  });
}

void note_gap(const input_stream& in, const range& gap, bool promises_video,
              domain::loss_set& losses) {
  const auto head = head_of(in, gap, head_bytes_max);
  if (!holds_data(head)) return;
  const auto begin = as_text(head).substr(0, video_head_bytes);
  if (promises_video || begin.find("ftyp") != std::string_view::npos ||
      begin.find("MotionPhoto_Data") != std::string_view::npos)
    losses.add(domain::loss::video_dropped);
  else if (begin.starts_with("\xff\xd8\xff"))
    losses.add(domain::loss::images_dropped);
  else
    losses.add(domain::loss::other_metadata_dropped);
}

} // namespace

jpeg_appended read_jpeg_appended(const input_stream& in, std::uint64_t end,
                                 const jpeg_picture_list& list, bool promises_video) {
  jpeg_appended found;
  for (const auto& picture : pictures_of(list, in.size())) {
    if (picture.at.begin < end) continue; // lies in what was read already
    if (picture.at.begin > end) note_gap(in, {end, picture.at.begin}, promises_video, found.losses);
    end = picture.at.end;
    const bool is_preview = (picture.type & 0xff0000) == type_large_thumbnail;
    if (!found.gain && is_gain_map(in, picture))
      found.gain = gain_map{&in, picture.at.begin, picture.at.end - picture.at.begin, {}};
    else if (!is_preview) // a preview shows the picture as it was
      found.losses.add(domain::loss::images_dropped);
  }
  if (end < in.size()) note_gap(in, {end, in.size()}, promises_video, found.losses);
  return found;
}

byte_vector make_picture_list(std::uint32_t first_bytes, std::uint32_t second_bytes,
                              std::uint32_t second_offset) {
  // Type, size, offset, dependent pictures. The main picture's offset is 0 by definition; the type
  // of a gain map is "undefined".
  byte_vector entries(2 * mpf_entry_bytes);
  base::write_u32_be(&entries[0], type_primary);
  base::write_u32_be(&entries[4], first_bytes);
  base::write_u32_be(&entries[mpf_entry_bytes + 4], second_bytes);
  base::write_u32_be(&entries[mpf_entry_bytes + 8], second_offset);
  const auto entries_bytes = static_cast<std::uint32_t>(entries.size());
  // A TIFF structure, as EXIF is.
  return write_exif(true, {{{mpf_version, type_undefined, 4, {'0', '1', '0', '0'}},
                            {mpf_pictures, type_long, 1, {0, 0, 0, 2}},
                            {mpf_entries, type_undefined, entries_bytes, std::move(entries)}},
                           {},
                           {}});
}

} // namespace darkroom::codecs
