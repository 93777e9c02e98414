#include "codecs/exif.hpp"

#include "codecs/limits.hpp"

#include <cstring>
#include <string_view>

namespace darkroom::codecs {

namespace {

enum tag : std::uint16_t {
  tag_interop_index = 0x0001, // of the interoperability directory
  tag_image_width = 0x0100,
  tag_image_height = 0x0101,
  tag_orientation = 0x0112,
  tag_thumbnail_offset = 0x0201,
  tag_thumbnail_length = 0x0202,
  tag_exif_ifd = 0x8769,
  tag_gps_ifd = 0x8825,
  tag_colour_space = 0xa001,
  tag_width = 0xa002,
  tag_height = 0xa003,
  tag_interop_ifd = 0xa005,
};
enum field_type : std::uint16_t {
  type_byte = 1,
  type_ascii = 2,
  type_short = 3,
  type_long = 4,
  type_signed_byte = 6,
  type_undefined = 7,
  type_signed_short = 8,
  type_signed_long = 9,
};

constexpr std::uint32_t entry_bytes = 12;
constexpr std::uint32_t colour_space_srgb = 1;

// Bytes of one value of a TIFF field type; 0 for unknown types.
std::uint32_t value_bytes(std::uint16_t type) {
  constexpr std::uint32_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};
  return type < std::size(sizes) ? sizes[type] : 0;
}

// A view of the structure that never reads or writes outside of it.
template<class Byte>
class tiff_view {
public:
  explicit tiff_view(std::span<Byte> bytes) : bytes_(bytes) {
    if (bytes.size() < 8) return;
    const std::string_view mark{reinterpret_cast<const char*>(bytes.data()), 2};
    big_endian_ = mark == "MM";
    valid_ = (big_endian_ || mark == "II") && u16(2) == 42;
  }
  bool valid() const { return valid_; }
  bool holds(std::uint64_t at, std::uint64_t size) const {
    return at <= bytes_.size() && size <= bytes_.size() - at;
  }
  std::uint16_t u16(std::size_t at) const {
    if (!holds(at, 2)) return 0;
    return big_endian_ ? static_cast<std::uint16_t>(bytes_[at] << 8 | bytes_[at + 1])
                       : static_cast<std::uint16_t>(bytes_[at + 1] << 8 | bytes_[at]);
  }
  std::uint32_t u32(std::size_t at) const {
    if (!holds(at, 4)) return 0;
    return big_endian_ ? std::uint32_t{u16(at)} << 16 | u16(at + 2)
                       : std::uint32_t{u16(at + 2)} << 16 | u16(at);
  }
  void put16(std::size_t at, std::uint16_t v)
    requires(!std::is_const_v<Byte>)
  {
    if (!holds(at, 2)) return;
    bytes_[at + (big_endian_ ? 1 : 0)] = static_cast<std::uint8_t>(v);
    bytes_[at + (big_endian_ ? 0 : 1)] = static_cast<std::uint8_t>(v >> 8);
  }
  void put32(std::size_t at, std::uint32_t v)
    requires(!std::is_const_v<Byte>)
  {
    if (!holds(at, 4)) return;
    put16(at + (big_endian_ ? 2 : 0), static_cast<std::uint16_t>(v));
    put16(at + (big_endian_ ? 0 : 2), static_cast<std::uint16_t>(v >> 16));
  }
  void zero(std::uint64_t at, std::uint64_t size)
    requires(!std::is_const_v<Byte>)
  {
    if (holds(at, size)) std::memset(bytes_.data() + at, 0, size);
  }
  // Entries of the directory at `at`; 0 when it does not lie inside, or has too many.
  std::uint32_t entries(std::size_t at) const {
    const std::uint32_t count = u16(at);
    const bool fits = at >= 8 && count <= limits::exif_entries_max &&
                      holds(at, 2 + std::uint64_t{count} * entry_bytes);
    return fits ? count : 0;
  }
  static std::size_t entry(std::size_t directory, std::uint32_t i) {
    return directory + 2 + std::size_t{i} * entry_bytes;
  }
  // Where the entry with this tag lies; 0 if there is none.
  std::size_t find(std::size_t directory, std::uint16_t wanted) const {
    for (std::uint32_t i = 0; i < entries(directory); ++i)
      if (u16(entry(directory, i)) == wanted) return entry(directory, i);
    return 0;
  }
  // The first value of an entry, of whatever type of whole numbers; 0 for the other types.
  std::uint32_t number(std::size_t entry) const {
    switch (u16(entry + 2)) {
    case type_byte:
    case type_signed_byte:
    case type_undefined:
      return holds(entry + 8, 1) ? bytes_[entry + 8] : 0;
    case type_short:
    case type_signed_short:
      return u16(entry + 8);
    case type_long:
    case type_signed_long:
      return u32(entry + 8);
    default:
      return 0;
    }
  }

private:
  std::span<Byte> bytes_;
  bool big_endian_ = false;
  bool valid_ = false;
};

using editable = tiff_view<std::uint8_t>;

// Makes every entry with this tag one number, of the type that the standard has for it.
void set_number(editable& tiff, std::size_t directory, std::uint16_t tag, std::uint32_t value) {
  for (std::uint32_t i = 0; i < tiff.entries(directory); ++i) {
    const std::size_t at = editable::entry(directory, i);
    if (tiff.u16(at) != tag) continue;
    tiff.put16(at + 2, value <= 0xffff ? type_short : type_long);
    tiff.put32(at + 4, 1);
    tiff.put32(at + 8, 0);
    if (value <= 0xffff)
      tiff.put16(at + 8, static_cast<std::uint16_t>(value));
    else
      tiff.put32(at + 8, value);
  }
}

// "R98" of the design rule for camera files: the picture is sRGB.
void set_interop_index(editable& tiff, std::span<std::uint8_t> bytes, std::size_t directory) {
  constexpr std::string_view srgb{"R98\0", 4};
  const std::size_t at = tiff.find(directory, tag_interop_index);
  if (at == 0 || tiff.u16(at + 2) != type_ascii || tiff.u32(at + 4) != srgb.size()) return;
  std::memcpy(bytes.data() + at + 8, srgb.data(), srgb.size());
}

// Overwrites a directory and the values it points at.
void erase_directory(editable& tiff, std::size_t directory) {
  const std::uint32_t count = tiff.entries(directory);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t at = editable::entry(directory, i);
    const std::uint64_t size = std::uint64_t{value_bytes(tiff.u16(at + 2))} * tiff.u32(at + 4);
    if (size > 4) tiff.zero(tiff.u32(at + 8), size);
  }
  tiff.zero(directory, 2 + std::uint64_t{count} * entry_bytes);
}

// Takes an entry out of its directory; the later ones, and the link to the next one, move up.
void remove_entry(editable& tiff, std::span<std::uint8_t> bytes, std::size_t directory,
                  std::size_t entry) {
  const std::uint32_t count = tiff.entries(directory);
  const std::size_t end = editable::entry(directory, count) + 4;
  // Erasing what a hostile pointer leads to may have hit the directory itself.
  if (end > bytes.size() || entry + entry_bytes > end) return;
  std::memmove(bytes.data() + entry, bytes.data() + entry + entry_bytes, end - entry - entry_bytes);
  tiff.zero(end - entry_bytes, entry_bytes);
  tiff.put16(directory, static_cast<std::uint16_t>(count - 1));
}

// Unlinks the thumbnail's directory. Returns where the structure may be cut off: the thumbnail's
// begin where nothing lies behind it, else the end.
std::size_t cut_thumbnail(editable& tiff, std::size_t directory, std::size_t size) {
  const std::size_t link = editable::entry(directory, tiff.entries(directory));
  if (!tiff.holds(link, 4) || tiff.u32(link) == 0) return size;
  const std::size_t thumbnail = tiff.u32(link);
  tiff.put32(link, 0);
  const std::size_t offset = tiff.find(thumbnail, tag_thumbnail_offset);
  const std::size_t length = tiff.find(thumbnail, tag_thumbnail_length);
  if (offset == 0 || length == 0) return size;
  const std::uint64_t begin = tiff.number(offset);
  const std::uint64_t bytes = tiff.number(length);
  if (begin < 8 || !tiff.holds(begin, bytes)) return size;
  tiff.zero(begin, bytes);
  return begin > thumbnail && begin + bytes + 8 >= size ? begin : size;
}

} // namespace

std::uint8_t exif_orientation(std::span<const std::uint8_t> exif) {
  const tiff_view<const std::uint8_t> tiff(exif);
  if (!tiff.valid()) return 1;
  const std::size_t main = tiff.u32(4);
  for (std::uint32_t i = 0; i < tiff.entries(main); ++i) {
    const std::size_t at = tiff.entry(main, i);
    if (tiff.u16(at) != tag_orientation) continue;
    const std::uint32_t value = tiff.number(at);
    if (value >= 1 && value <= 8) return static_cast<std::uint8_t>(value);
  }
  return 1;
}

byte_vector orientation_exif(std::uint8_t orientation) {
  // Byte order, 42, the directory's place; one entry: tag, SHORT, one value; no next directory.
  return {'M', 'M', 0, 42, 0, 0, 0,           8, 0, 1, 1, 0x12, 0,
          3,   0,   0, 0,  1, 0, orientation, 0, 0, 0, 0, 0,    0};
}

byte_vector change_exif(std::span<const std::uint8_t> exif, const exif_changes& changes,
                        bool* location_removed) {
  byte_vector copy(exif.begin(), exif.end());
  editable tiff{std::span<std::uint8_t>(copy)};
  if (!tiff.valid()) return {};
  const std::size_t main = tiff.u32(4);
  if (tiff.entries(main) == 0) return {};

  const std::size_t exif_link = tiff.find(main, tag_exif_ifd);
  const std::size_t sub = exif_link == 0 ? 0 : tiff.number(exif_link);
  for (const std::size_t directory : {main, sub}) {
    set_number(tiff, directory, tag_orientation, changes.orientation);
    if (changes.width != 0) {
      set_number(tiff, directory, tag_image_width, changes.width);
      set_number(tiff, directory, tag_width, changes.width);
    }
    if (changes.height != 0) {
      set_number(tiff, directory, tag_image_height, changes.height);
      set_number(tiff, directory, tag_height, changes.height);
    }
    if (changes.srgb) set_number(tiff, directory, tag_colour_space, colour_space_srgb);
  }
  if (const std::size_t at = tiff.find(sub, tag_interop_ifd); changes.srgb && at != 0)
    set_interop_index(tiff, copy, tiff.number(at));
  const std::size_t link = tiff.find(main, tag_gps_ifd);
  if (changes.strip_location && link != 0) {
    erase_directory(tiff, tiff.number(link));
    remove_entry(tiff, copy, main, link);
    if (location_removed != nullptr) *location_removed = true;
  }
  copy.resize(cut_thumbnail(tiff, main, copy.size()));
  return copy;
}

} // namespace darkroom::codecs
