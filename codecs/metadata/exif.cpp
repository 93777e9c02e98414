#include "codecs/metadata/exif.hpp"

#include "base/byte_order.hpp"
#include "codecs/metadata/exif_directories.hpp"
#include "codecs/metadata/text_encoding.hpp"
#include "codecs/metadata/tiff_view.hpp"

#include <cstring>
#include <string_view>

namespace darkroom::codecs {

namespace {

enum tag : std::uint16_t {
  tag_interop_index = 0x0001, // of the interoperability directory
  tag_image_width = 0x0100,
  tag_image_height = 0x0101,
  tag_orientation = 0x0112,
  tag_x_resolution = 0x011a,
  tag_y_resolution = 0x011b,
  tag_resolution_unit = 0x0128,
  tag_thumbnail_offset = 0x0201,
  tag_thumbnail_length = 0x0202,
  tag_exif_ifd = 0x8769,
  tag_colour_space = 0xa001,
  tag_width = 0xa002,
  tag_height = 0xa003,
  tag_interop_ifd = 0xa005,
};

constexpr std::uint32_t colour_space_srgb = 1;
constexpr std::uint8_t unit_inch = 2, unit_centimetre = 3;

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

std::span<const std::uint8_t> without_exif_prefix(std::span<const std::uint8_t> exif) {
  return as_text(exif).starts_with(exif_prefix) ? exif.subspan(exif_prefix.size()) : exif;
}

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

std::optional<pixel_density> exif_density(std::span<const std::uint8_t> exif) {
  const tiff_view<const std::uint8_t> tiff(exif);
  if (!tiff.valid()) return std::nullopt;
  const std::size_t main = tiff.u32(4);
  const auto unit_at = tiff.find(main, tag_resolution_unit);
  const auto unit = unit_at == 0 ? unit_inch : tiff.number(unit_at);
  if (unit != unit_inch && unit != unit_centimetre) return std::nullopt;
  const auto per_metre = [&](std::uint16_t tag) -> std::uint32_t {
    const std::size_t at = tiff.find(main, tag);
    if (at == 0 || tiff.u16(at + 2) != type_rational) return 0;
    const std::uint64_t value = tiff.u32(tiff.u32(at + 8)),
                        divisor = tiff.u32(tiff.u32(at + 8) + 4);
    if (divisor == 0) return 0;
    const auto scaled = unit == unit_inch ? (value * 10'000 / divisor + 127) / 254
                                          : (value * 100 + divisor / 2) / divisor;
    return scaled > UINT32_MAX ? 0 : static_cast<std::uint32_t>(scaled);
  };
  const pixel_density density{per_metre(tag_x_resolution), per_metre(tag_y_resolution), true};
  if (density.x == 0 || density.y == 0) return std::nullopt;
  return density;
}

byte_vector orientation_exif(std::uint8_t orientation) {
  return write_exif(true, {{{tag_orientation, type_short, 1, {0, orientation}}}, {}, {}});
}

byte_vector density_exif(const pixel_density& density) {
  const auto rational = [](std::uint32_t per_metre) {
    // In 1/100 of a dot an inch.
    const auto value = static_cast<std::uint32_t>((std::uint64_t{per_metre} * 254 + 50) / 100);
    byte_vector bytes(8);
    base::write_u32_be(bytes.data(), value);
    base::write_u32_be(bytes.data() + 4, 100);
    return bytes;
  };
  return write_exif(true, {{{tag_x_resolution, type_rational, 1, rational(density.x)},
                            {tag_y_resolution, type_rational, 1, rational(density.y)},
                            {tag_resolution_unit, type_short, 1, {0, unit_inch}}},
                           {},
                           {}});
}

byte_vector change_exif(std::span<const std::uint8_t> exif, const exif_changes& changes) {
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
  if (changes.turned) {
    const std::size_t x = tiff.find(main, tag_x_resolution), y = tiff.find(main, tag_y_resolution);
    if (x != 0 && y != 0 && tiff.u16(x + 2) == tiff.u16(y + 2)) { // each points at its value
      const auto value = tiff.u32(x + 8);
      tiff.put32(x + 8, tiff.u32(y + 8));
      tiff.put32(y + 8, value);
    }
  }
  copy.resize(cut_thumbnail(tiff, main, copy.size()));
  return copy;
}

} // namespace darkroom::codecs
