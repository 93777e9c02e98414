#include "codecs/metadata/exif_directories.hpp"

#include "codecs/metadata/iptc.hpp"
#include "codecs/metadata/tiff_view.hpp"
#include "codecs/metadata/xmp.hpp"

#include <algorithm>
#include <map>
#include <set>

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

// What a tag holds. A value of another kind, or of more numbers, is not what its tag says.
enum class value_kind : std::uint8_t { text, utf16, numbers, curve, version, words };

struct tag_row {
  std::uint16_t tag;
  value_kind kind;
};

constexpr auto kind_text = value_kind::text, kind_utf16 = value_kind::utf16,
               kind_numbers = value_kind::numbers, kind_curve = value_kind::curve,
               kind_version = value_kind::version, kind_words = value_kind::words;

// Tags that describe the picture, the camera and the author (CIPA DC-008-2023, tables 4 to 20).
// Sorted. Captions, titles and keywords are the author's words.
constexpr tag_row main_tags[] = {
    {0x00fe, kind_numbers}, {0x0100, kind_numbers}, {0x0101, kind_numbers}, {0x0102, kind_numbers},
    {0x0103, kind_numbers}, {0x0106, kind_numbers}, {0x010e, kind_text},    {0x010f, kind_text},
    {0x0110, kind_text},    {0x0112, kind_numbers}, {0x0115, kind_numbers}, {0x011a, kind_numbers},
    {0x011b, kind_numbers}, {0x011c, kind_numbers}, {0x0128, kind_numbers}, {0x012d, kind_curve},
    {0x0131, kind_text},    {0x0132, kind_text},    {0x013b, kind_text},    {0x013e, kind_numbers},
    {0x013f, kind_numbers}, {0x0211, kind_numbers}, {0x0212, kind_numbers}, {0x0213, kind_numbers},
    {0x0214, kind_numbers}, {0x4746, kind_numbers}, {0x4749, kind_numbers}, {0x8298, kind_text},
    {0x9c9b, kind_utf16},   {0x9c9c, kind_utf16},   {0x9c9d, kind_utf16},   {0x9c9e, kind_utf16},
    {0x9c9f, kind_utf16}};
constexpr tag_row exif_tags[] = {
    {0x829a, kind_numbers}, {0x829d, kind_numbers}, {0x8822, kind_numbers}, {0x8824, kind_text},
    {0x8827, kind_numbers}, {0x8830, kind_numbers}, {0x8831, kind_numbers}, {0x8832, kind_numbers},
    {0x8833, kind_numbers}, {0x8834, kind_numbers}, {0x8835, kind_numbers}, {0x9000, kind_version},
    {0x9003, kind_text},    {0x9004, kind_text},    {0x9010, kind_text},    {0x9011, kind_text},
    {0x9012, kind_text},    {0x9101, kind_version}, {0x9102, kind_numbers}, {0x9201, kind_numbers},
    {0x9202, kind_numbers}, {0x9203, kind_numbers}, {0x9204, kind_numbers}, {0x9205, kind_numbers},
    {0x9206, kind_numbers}, {0x9207, kind_numbers}, {0x9208, kind_numbers}, {0x9209, kind_numbers},
    {0x920a, kind_numbers}, {0x9214, kind_numbers}, {0x9286, kind_words},   {0x9290, kind_text},
    {0x9291, kind_text},    {0x9292, kind_text},    {0x9400, kind_numbers}, {0x9401, kind_numbers},
    {0x9402, kind_numbers}, {0x9403, kind_numbers}, {0x9404, kind_numbers}, {0x9405, kind_numbers},
    {0xa000, kind_version}, {0xa001, kind_numbers}, {0xa002, kind_numbers}, {0xa003, kind_numbers},
    {0xa20b, kind_numbers}, {0xa20e, kind_numbers}, {0xa20f, kind_numbers}, {0xa210, kind_numbers},
    {0xa215, kind_numbers}, {0xa217, kind_numbers}, {0xa300, kind_version}, {0xa301, kind_version},
    {0xa401, kind_numbers}, {0xa402, kind_numbers}, {0xa403, kind_numbers}, {0xa404, kind_numbers},
    {0xa405, kind_numbers}, {0xa406, kind_numbers}, {0xa407, kind_numbers}, {0xa408, kind_numbers},
    {0xa409, kind_numbers}, {0xa40a, kind_numbers}, {0xa40c, kind_numbers}, {0xa420, kind_text},
    {0xa430, kind_text},    {0xa431, kind_text},    {0xa432, kind_numbers}, {0xa433, kind_text},
    {0xa434, kind_text},    {0xa435, kind_text},    {0xa436, kind_text},    {0xa437, kind_text},
    {0xa438, kind_text},    {0xa439, kind_text},    {0xa43a, kind_text},    {0xa43b, kind_text},
    {0xa43c, kind_text},    {0xa460, kind_numbers}, {0xa461, kind_numbers}, {0xa500, kind_numbers}};
// 0x0001 and 0x0002 of a GPS directory are a latitude: a wrong pointer may lead there.
constexpr tag_row interop_tags[] = {{0x0001, kind_version}, {0x0002, kind_version}};
constexpr std::uint16_t tag_upright = 0x0112; // a picture needs it, whatever else is kept
constexpr tag_row main_copyright_tags[] = {
    {tag_upright, kind_numbers}, {0x013b, kind_text}, {0x8298, kind_text}};
constexpr tag_row exif_copyright_tags[] = {{0xa437, kind_text}}; // photographer
static_assert(std::ranges::is_sorted(main_tags, {}, &tag_row::tag) &&
              std::ranges::is_sorted(exif_tags, {}, &tag_row::tag));

bool is_of_kind(value_kind kind, std::uint16_t type, std::uint32_t count) {
  constexpr std::uint32_t numbers_max = 8, curve_max = 768, version_max = 4;
  const bool is_number = value_bytes(type) != 0 && type != type_ascii && type != type_undefined &&
                         type != type_utf8 && type != type_directory;
  switch (kind) {
  case value_kind::text:
    return type == type_ascii || type == type_utf8;
  case value_kind::utf16:
    return type == type_byte;
  case value_kind::numbers:
    return is_number && count <= numbers_max;
  case value_kind::curve:
    return type == type_short && count <= curve_max;
  case value_kind::version: // four characters, or numbers that say which kind
    return (type == type_undefined || type == type_ascii) && count <= version_max;
  case value_kind::words:
    return type == type_undefined || type == type_ascii || type == type_utf8;
  }
  return false;
}

using view = tiff_view<const std::uint8_t>;

class directory_selector {
public:
  directory_selector(std::span<const std::uint8_t> bytes, metadata_selection selection)
      : bytes_(bytes), tiff_(bytes), selection_(selection) {}

  selected_exif run() {
    selected_exif out;
    const std::size_t main = tiff_.valid() ? tiff_.u32(4) : 0;
    if (tiff_.entries(main) == 0) return out;
    const bool copyright = selection_ == metadata_selection::copyright;
    exif_directories kept;
    using tags = std::span<const tag_row>;
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

  std::vector<exif_field> select(std::size_t directory, std::span<const tag_row> tags) {
    std::map<std::uint16_t, exif_field> kept; // the first of each
    for (std::uint32_t i = 0; i < tiff_.entries(directory); ++i) {
      const std::size_t at = view::entry(directory, i);
      const auto value = value_of(at);
      const auto tag = tiff_.u16(at);
      if (tag == pointer_exif || tag == pointer_interop) continue;
      const auto row = std::ranges::lower_bound(tags, tag, {}, &tag_row::tag);
      if (row == tags.end() || row->tag != tag) {
        note_removal(tag, value);
        continue;
      }
      if (value.empty() || kept.contains(tag) ||
          !is_of_kind(row->kind, tiff_.u16(at + 2), tiff_.u32(at + 4))) {
        other_removed_ = true;
        continue;
      }
      // Entries may share their bytes; together they are no larger than the whole.
      kept_bytes_ += value.size();
      if (kept_bytes_ > bytes_.size()) {
        other_removed_ = true;
        continue;
      }
      exif_field field{tag, tiff_.u16(at + 2), tiff_.u32(at + 4), {value.begin(), value.end()}};
      if (row->kind == value_kind::text) end_text(field);
      if (row->kind == value_kind::utf16) end_utf16(field);
      kept.emplace(tag, std::move(field));
    }
    std::vector<exif_field> fields;
    fields.reserve(kept.size());
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

  static void end_utf16(exif_field& field) {
    for (std::size_t at = 0; at + 1 < field.value.size(); at += 2)
      if (field.value[at] == 0 && field.value[at + 1] == 0) {
        field.value.resize(at + 2);
        break;
      }
    field.count = static_cast<std::uint32_t>(field.value.size());
  }

  void note_removal(std::uint16_t tag, std::span<const std::uint8_t> value) {
    if (tag == pointer_gps) {
      location_removed_ = true;
      return;
    }
    if (tag == tag_subject_location) return; // of no use after a change of the size either
    other_removed_ = true;
    // Entries may share one large value: the first of each tells enough.
    if (!examined_.insert(tag).second) return;
    if (tag == embedded_iptc || tag == embedded_photoshop)
      location_removed_ = location_removed_ || (tag == embedded_iptc ? iim_has_location(value)
                                                                     : iptc_has_location(value));
    if (tag != embedded_xmp) return;
    auto packet = parse_xmp(value);
    if (packet && select_xmp(*packet, metadata_selection::without_location).location)
      location_removed_ = true;
  }

  std::span<const std::uint8_t> bytes_;
  view tiff_;
  metadata_selection selection_;
  std::size_t kept_bytes_ = 0;
  std::set<std::uint16_t> examined_;
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
  static std::uint32_t padded(std::size_t size) {
    return static_cast<std::uint32_t>(size + size % 2);
  }
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

selected_exif select_exif(std::span<const std::uint8_t> exif, metadata_selection selection) {
  return directory_selector(exif, selection).run();
}

} // namespace darkroom::codecs
