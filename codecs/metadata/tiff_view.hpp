// The structure of TIFF (revision 6.0), which EXIF is: a header, directories of entries, and values
// anywhere.
#pragma once

#include "codecs/limits.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>

namespace darkroom::codecs {

enum tiff_type : std::uint16_t {
  type_byte = 1,
  type_ascii = 2,
  type_short = 3,
  type_long = 4,
  type_rational = 5,
  type_signed_byte = 6,
  type_undefined = 7,
  type_signed_short = 8,
  type_signed_long = 9,
  type_directory = 13,
  type_utf8 = 129, // EXIF 3.0
};

inline constexpr std::uint32_t tiff_entry_bytes = 12;
// Bytes of one value of a TIFF field type; 0 for unknown types.
constexpr std::uint32_t value_bytes(std::uint16_t type) {
  constexpr std::uint32_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};
  if (type == type_utf8) return 1;
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
                      holds(at, 2 + std::uint64_t{count} * tiff_entry_bytes);
    return fits ? count : 0;
  }
  static std::size_t entry(std::size_t directory, std::uint32_t i) {
    return directory + 2 + std::size_t{i} * tiff_entry_bytes;
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
    case type_directory:
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

} // namespace darkroom::codecs
