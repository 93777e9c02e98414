#include "codecs/metadata/exif_directories.hpp"

#include "codecs/metadata/iptc.hpp"
#include "codecs/metadata/tiff_view.hpp"
#include "codecs/metadata/xmp.hpp"

#include <algorithm>
#include <map>

namespace darkroom::codecs {

namespace {

enum pointer_tag : std::uint16_t {
  pointer_exif = 0x8769,
  pointer_gps = 0x8825,
  pointer_interop = 0xa005,
};
enum embedded_tag : std::uint16_t {
  embedded_xmp = 0x02bc,
  embedded_iptc = 0x83bb,
  embedded_photoshop = 0x8649,
};
constexpr std::uint16_t tag_subject_location = 0xa214; // a place in the picture
constexpr std::uint16_t tag_copyright = 0x8298;

// Tags that describe the picture, the camera and the author (CIPA DC-008-2023, tables 4 to 20).
// Sorted. Captions, titles and keywords are the author's words.
constexpr std::uint16_t main_tags[] = {
    0x00fe, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x010e, 0x010f, 0x0110, 0x0112,
    0x0115, 0x011a, 0x011b, 0x011c, 0x0128, 0x012d, 0x0131, 0x0132, 0x013b, 0x013e,
    0x013f, 0x0211, 0x0212, 0x0213, 0x0214, 0x4746, 0x4749, 0x8298, 0x9c9b, 0x9c9c,
    0x9c9d, 0x9c9e, 0x9c9f};
constexpr std::uint16_t exif_tags[] = {
    0x829a, 0x829d, 0x8822, 0x8824, 0x8827, 0x8828, 0x8830, 0x8831, 0x8832, 0x8833, 0x8834, 0x8835,
    0x9000, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012, 0x9101, 0x9102, 0x9201, 0x9202, 0x9203, 0x9204,
    0x9205, 0x9206, 0x9207, 0x9208, 0x9209, 0x920a, 0x9214, 0x9286, 0x9290, 0x9291, 0x9292, 0x9400,
    0x9401, 0x9402, 0x9403, 0x9404, 0x9405, 0xa000, 0xa001, 0xa002, 0xa003, 0xa20b, 0xa20c, 0xa20e,
    0xa20f, 0xa210, 0xa215, 0xa217, 0xa300, 0xa301, 0xa302, 0xa401, 0xa402, 0xa403, 0xa404, 0xa405,
    0xa406, 0xa407, 0xa408, 0xa409, 0xa40a, 0xa40c, 0xa420, 0xa430, 0xa431, 0xa432, 0xa433, 0xa434,
    0xa435, 0xa436, 0xa437, 0xa438, 0xa439, 0xa43a, 0xa43b, 0xa43c, 0xa460, 0xa461, 0xa462, 0xa500};
constexpr std::uint16_t interop_tags[] = {0x0001, 0x0002, 0x1000, 0x1001, 0x1002};
constexpr std::uint16_t tag_upright = 0x0112; // a picture needs it, whatever else is kept
constexpr std::uint16_t main_copyright_tags[] = {tag_upright, 0x013b, 0x8298};
constexpr std::uint16_t exif_copyright_tags[] = {0xa437}; // photographer
static_assert(std::ranges::is_sorted(main_tags) && std::ranges::is_sorted(exif_tags));

using view = tiff_view<const std::uint8_t>;

class directory_selector {
public:
  directory_selector(std::span<const std::uint8_t> bytes, exif_selection selection)
      : bytes_(bytes), tiff_(bytes), selection_(selection) {}

  selected_exif run() {
    selected_exif out;
    const std::size_t main = tiff_.valid() ? tiff_.u32(4) : 0;
    if (tiff_.entries(main) == 0) return out;
    const bool copyright = selection_ == exif_selection::copyright;
    exif_directories kept;
    using tags = std::span<const std::uint16_t>;
    kept.main = select(main, copyright ? tags{main_copyright_tags} : tags{main_tags});
    const std::size_t exif = target(main, pointer_exif);
    kept.exif = select(exif, copyright ? tags{exif_copyright_tags} : tags{exif_tags});
    if (!copyright) kept.interop = select(target(exif, pointer_interop), tags{interop_tags});
    const bool only_orientation =
        copyright && kept.exif.empty() && kept.main.size() == 1 && kept.main[0].tag == tag_upright;
    if ((!kept.main.empty() || !kept.exif.empty()) && !only_orientation)
      out.bytes = write_exif(bytes_[0] == 'M', std::move(kept));
    out.readable = true;
    out.location_removed = location_removed_;
    out.other_removed = other_removed_;
    return out;
  }

private:
  // Where the directory lies that an entry points at; 0 if there is none.
  std::size_t target(std::size_t directory, std::uint16_t tag) const {
    const std::size_t at = tiff_.find(directory, tag);
    return at == 0 ? 0 : tiff_.number(at);
  }

  std::vector<exif_field> select(std::size_t directory, std::span<const std::uint16_t> tags) {
    std::map<std::uint16_t, exif_field> kept; // the first of each
    for (std::uint32_t i = 0; i < tiff_.entries(directory); ++i) {
      const std::size_t at = view::entry(directory, i);
      const auto value = value_of(at);
      const auto tag = tiff_.u16(at);
      if (tag == pointer_exif || tag == pointer_interop) continue;
      if (!std::ranges::binary_search(tags, tag)) {
        note_removal(tag, value);
        continue;
      }
      if (value.empty() || kept.contains(tag)) continue;
      // Entries may share their bytes; together they are no larger than the whole.
      kept_bytes_ += value.size();
      if (kept_bytes_ > bytes_.size()) {
        other_removed_ = true;
        continue;
      }
      exif_field field{tag, tiff_.u16(at + 2), tiff_.u32(at + 4), {value.begin(), value.end()}};
      if (field.type == type_ascii) end_text(field);
      kept.emplace(tag, std::move(field));
    }
    std::vector<exif_field> fields;
    for (auto& [tag, field] : kept)
      fields.push_back(std::move(field));
    return fields;
  }

  std::span<const std::uint8_t> value_of(std::size_t entry) const {
    const std::uint64_t size =
        std::uint64_t{value_bytes(tiff_.u16(entry + 2))} * tiff_.u32(entry + 4);
    const std::uint64_t at = size <= 4 ? entry + 8 : tiff_.u32(entry + 8);
    if (!tiff_.holds(at, size)) return {};
    return bytes_.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size));
  }

  // A text ends at its zero; Copyright has a second one, of the editor.
  static void end_text(exif_field& field) {
    auto end = std::ranges::find(field.value, 0);
    if (field.tag == tag_copyright && end != field.value.end())
      end = std::find(end + 1, field.value.end(), 0);
    if (end == field.value.end()) return;
    field.value.erase(end + 1, field.value.end());
    field.count = static_cast<std::uint32_t>(field.value.size());
  }

  void note_removal(std::uint16_t tag, std::span<const std::uint8_t> value) {
    if (tag == pointer_gps) {
      location_removed_ = true;
      return;
    }
    if (tag == tag_subject_location) return; // of no use after a change of the size either
    other_removed_ = true;
    if (tag == embedded_iptc || tag == embedded_photoshop)
      location_removed_ = location_removed_ || (tag == embedded_iptc ? iim_has_location(value)
                                                                     : iptc_has_location(value));
    if (tag != embedded_xmp) return;
    auto packet = parse_xmp(value);
    if (packet && select_xmp(*packet, xmp_selection::without_location).location)
      location_removed_ = true;
  }

  std::span<const std::uint8_t> bytes_;
  view tiff_;
  exif_selection selection_;
  std::size_t kept_bytes_ = 0;
  bool location_removed_ = false, other_removed_ = false;
};

// Lays the directories out one behind another, each followed by its values.
class exif_layout {
public:
  explicit exif_layout(bool big_endian) : big_endian_(big_endian) {}

  byte_vector write(exif_directories directories) {
    constexpr std::uint32_t header_bytes = 8;
    const auto add_pointer = [](std::vector<exif_field>& to, std::uint16_t tag) {
      to.push_back({tag, type_long, 1, byte_vector(4)});
      std::ranges::sort(to, {}, &exif_field::tag);
    };
    auto& [main, exif, interop] = directories;
    if (!interop.empty()) add_pointer(exif, pointer_interop);
    if (!exif.empty()) add_pointer(main, pointer_exif);
    const auto exif_at = header_bytes + size_of(main);
    const auto interop_at = exif_at + (exif.empty() ? 0 : size_of(exif));
    point(main, pointer_exif, exif_at);
    point(exif, pointer_interop, interop_at);
    out_ = {'M', 'M'};
    if (!big_endian_) out_ = {'I', 'I'};
    put16(42);
    put32(header_bytes);
    for (const auto* directory : {&main, &exif, &interop})
      if (!directory->empty()) put_directory(*directory);
    return std::move(out_);
  }

private:
  static std::uint32_t padded(std::size_t size) { return static_cast<std::uint32_t>(size + size % 2); }
  static std::uint32_t head_bytes(const std::vector<exif_field>& directory) {
    return static_cast<std::uint32_t>(2 + directory.size() * tiff_entry_bytes + 4);
  }
  static std::uint32_t size_of(const std::vector<exif_field>& directory) {
    std::uint32_t size = head_bytes(directory);
    for (const auto& field : directory)
      if (field.value.size() > 4) size += padded(field.value.size());
    return size;
  }

  void put16(std::uint32_t v) {
    const auto high = static_cast<std::uint8_t>(v >> 8), low = static_cast<std::uint8_t>(v);
    out_.push_back(big_endian_ ? high : low);
    out_.push_back(big_endian_ ? low : high);
  }
  void put32(std::uint32_t v) {
    put16(big_endian_ ? v >> 16 : v & 0xffff);
    put16(big_endian_ ? v & 0xffff : v >> 16);
  }

  void point(std::vector<exif_field>& directory, std::uint16_t tag, std::uint32_t at) {
    for (auto& field : directory)
      if (field.tag == tag)
        for (unsigned i = 0; i < 4; ++i)
          field.value[i] = static_cast<std::uint8_t>(at >> 8 * (big_endian_ ? 3 - i : i));
  }

  void put_directory(const std::vector<exif_field>& directory) {
    auto value_at = static_cast<std::uint32_t>(out_.size()) + head_bytes(directory);
    put16(static_cast<std::uint32_t>(directory.size()));
    for (const auto& field : directory) {
      put16(field.tag);
      put16(field.type);
      put32(field.count);
      if (field.value.size() > 4) {
        put32(value_at);
        value_at += padded(field.value.size());
      } else {
        out_.insert(out_.end(), field.value.begin(), field.value.end());
        out_.resize(out_.size() + 4 - field.value.size());
      }
    }
    put32(0); // no further directory
    for (const auto& field : directory) {
      if (field.value.size() <= 4) continue;
      out_.insert(out_.end(), field.value.begin(), field.value.end());
      out_.resize(out_.size() + field.value.size() % 2);
    }
  }

  bool big_endian_;
  byte_vector out_;
};

} // namespace

byte_vector write_exif(bool big_endian, exif_directories directories) {
  return exif_layout(big_endian).write(std::move(directories));
}

selected_exif select_exif(std::span<const std::uint8_t> exif, exif_selection selection) {
  return directory_selector(exif, selection).run();
}

} // namespace darkroom::codecs
