#include "codecs/png_chunks.hpp"

#include "base/byte_order.hpp"
#include "base/units.hpp"
#include "codecs/jpeg_format.hpp"
#include "codecs/limits.hpp"
#include "codecs/metadata/exif.hpp"
#include "codecs/metadata/iptc.hpp"
#include "codecs/metadata/text_encoding.hpp"
#include "codecs/png_format.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace darkroom::codecs {

namespace {

constexpr std::size_t piece_bytes = 16 * limits::KiB;
constexpr std::size_t keyword_bytes_max = 79;
// Hexadecimal digits and line ends of the largest profile; more is only there to take time.
constexpr std::uint64_t unpacked_bytes_max = 3 * limits::metadata_bytes_max;
constexpr std::string_view raw_profile_keyword = "Raw profile type ";
// These are read by libpng, or describe how the samples are stored in this file.
constexpr std::string_view read_elsewhere[] = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "cHRM",
                                               "gAMA", "sRGB", "sBIT", "bKGD", "hIST", "pHYs",
                                               "sPLT", "tIME", "acTL", "fcTL", "fdAT", "iDOT"};

struct chunk {
  std::string_view name;
  std::uint64_t at = 0; // of its data
  std::uint32_t size = 0;
};

// Where the content of a chunk begins, and how it is packed.
struct content {
  std::size_t begin = 0;
  bool deflated = false;
  bool hex = false;
};

// A text chunk's head: what comes before its text.
struct text_head {
  text_entry text; // all but the text itself
  content where;
};

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

// Takes pieces of a raw profile's text and gives the bytes that it spells: "\nexif\n    1234\n45…",
// the name of the profile, its length, and hexadecimal digits in lines.
class hex_reader {
public:
  template<class Give>
  bool take(std::span<const std::uint8_t> text, Give& give) {
    std::uint8_t bytes[1024];
    std::size_t used = 0;
    for (const auto c : text) {
      if (!take_one(static_cast<char>(c))) continue;
      bytes[used++] = byte_;
      if (used == sizeof bytes) {
        if (!give(std::span<const std::uint8_t>(bytes, used))) return false;
        used = 0;
      }
    }
    return used == 0 || give(std::span<const std::uint8_t>(bytes, used));
  }

private:
  enum class part : std::uint8_t { lead, name, length, digits, end };

  static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  }

  // Whether a byte is complete.
  bool take_one(char c) {
    const bool space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    switch (part_) {
    case part::lead:
      if (!space) part_ = part::name;
      return false;
    case part::name:
      if (c == '\n') part_ = part::length;
      return false;
    case part::length:
      if (c >= '0' && c <= '9')
        left_ = std::min<std::uint64_t>(left_ * 10 + static_cast<unsigned>(c - '0'), UINT32_MAX);
      else if (c == '\n' && left_ != 0)
        part_ = part::digits;
      return false;
    case part::digits:
      if (space) return false;
      return take_digit(digit(c));
    case part::end:
      break;
    }
    return false;
  }

  bool take_digit(int value) {
    if (value < 0) {
      part_ = part::end;
      return false;
    }
    byte_ = static_cast<std::uint8_t>(byte_ << 4 | value);
    half_ = !half_;
    if (half_) return false;
    if (--left_ == 0) part_ = part::end;
    return true;
  }

  part part_ = part::lead;
  std::uint64_t left_ = 0;
  std::uint8_t byte_ = 0;
  bool half_ = false;
};

class inflater {
public:
  inflater() { ok_ = inflateInit(&stream_) == Z_OK; }
  ~inflater() { inflateEnd(&stream_); }
  inflater(const inflater&) = delete;
  inflater& operator=(const inflater&) = delete;

  template<class Give>
  bool take(std::span<const std::uint8_t> packed, Give& give) {
    std::uint8_t bytes[piece_bytes];
    stream_.next_in = const_cast<Bytef*>(packed.data());
    stream_.avail_in = static_cast<uInt>(packed.size());
    while (ok_ && !ended_) {
      stream_.next_out = bytes;
      stream_.avail_out = sizeof bytes;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      ended_ = status == Z_STREAM_END;
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return false;
      const std::size_t size = sizeof bytes - stream_.avail_out;
      if (size > 0 && !give(std::span<const std::uint8_t>(bytes, size))) return false;
      if (stream_.avail_out != 0) break; // all of the input is used up
    }
    return ok_;
  }
  bool ended() const { return ended_; }

private:
  z_stream stream_{};
  bool ok_ = false;
  bool ended_ = false;
};

class chunk_walk {
public:
  explicit chunk_walk(const input_stream& in) : in_(in) {}

  png_chunks run() {
    std::uint64_t at = 8; // behind the signature
    for (std::uint32_t n = 0; n < limits::png_chunks_max; ++n) {
      std::uint8_t head[8];
      if (in_.read_at(at, head) != sizeof head) break;
      const chunk c{
          {reinterpret_cast<const char*>(head + 4), 4}, at + sizeof head, base::read_u32_be(head)};
      found_.ended = c.name == "IEND";
      if (found_.ended) {
        note_trailer(c.at + c.size + 4);
        break;
      }
      visit(c);
      at = c.at + c.size + 4;
    }
    if (found_.icc.empty() && icc_lost_) found_.losses.add(domain::loss::icc_dropped);
    if (found_.exif.empty() && exif_lost_) found_.losses.add(domain::loss::exif_dropped);
    if (found_.iptc.empty() && iptc_lost_) found_.losses.add(domain::loss::iptc_dropped);
    if (found_.xmp.empty() && xmp_lost_) found_.losses.add(domain::loss::xmp_dropped);
    return std::move(found_);
  }

private:
  // Programs append data behind the end of the picture.
  void note_trailer(std::uint64_t at) {
    std::uint8_t bytes[256];
    const auto size = in_.read_at(at, bytes);
    const bool padding = std::all_of(bytes, bytes + size, [](std::uint8_t b) {
      return b == 0 || b == '\n' || b == '\r' || b == ' ';
    });
    if (!padding) found_.losses.add(domain::loss::other_metadata_dropped);
  }

  void visit(const chunk& c) {
    if (c.name == "PLTE" || c.name == "IDAT") colour_is_set_ = true;
    if (c.name == "IDAT") pixels_began_ = true;
    if (c.name == "eXIf") return take_exif(c, {}, found_.exif.empty() || exif_is_raw_);
    if (c.name == "iCCP") return take_icc(c);
    if (c.name == "iTXt" || c.name == "zTXt" || c.name == "tEXt") return take_text(c);
    if (c.name == "cICP") return take_fixed(c, found_.cicp);
    if (c.name == "mDCV") return take_fixed(c, found_.mastering);
    if (c.name == "cLLI") return take_fixed(c, found_.light_level);
    if (c.name == "caBX") return found_.losses.add(domain::loss::c2pa_dropped);
    if (std::ranges::find(read_elsewhere, c.name) == std::end(read_elsewhere)) take_private(c);
    if (c.name == "acTL" && c.size == 8 && !pixels_began_) {
      std::uint8_t bytes[4];
      if (in_.read_at(c.at, bytes) == sizeof bytes)
        found_.frames = std::max<std::uint32_t>(base::read_u32_be(bytes), 1);
    }
  }

  // A chunk of colour, which has a size of its own and stands before the palette and the pixels.
  template<std::size_t Size>
  void take_fixed(const chunk& c, std::optional<std::array<std::uint8_t, Size>>& out) {
    if (c.size != Size || colour_is_set_ || out) return;
    byte_vector bytes;
    if (!read(c, {}, bytes, Size) || bytes.size() != Size) return;
    std::ranges::copy(bytes, out.emplace().begin());
  }

  // The case of letters says whether a chunk is ancillary and safe to copy (PNG, section 5.4).
  void take_private(const chunk& c) {
    private_chunk kept;
    std::ranges::copy(c.name, kept.name.begin());
    const bool plain =
        std::ranges::all_of(c.name, [](char l) { return is_lower(l) || (l >= 'A' && l <= 'Z'); });
    const bool may_copy =
        plain && is_lower(c.name[0]) && !is_lower(c.name[2]) && is_lower(c.name[3]);
    if (may_copy && found_.chunks.size() < limits::png_texts_max &&
        (c.size == 0 || read(c, {}, kept.bytes, room()))) {
      text_bytes_ += kept.bytes.size();
      found_.chunks.push_back(std::move(kept));
    } else {
      found_.losses.add(domain::loss::other_metadata_dropped);
    }
  }

  void take_exif(const chunk& c, const content& where, bool wanted) {
    if (!wanted) {
      if (!where.hex) found_.losses.add(domain::loss::exif_dropped);
      return;
    }
    byte_vector exif;
    if (!read(c, where, exif, room() + found_.exif.size())) {
      exif_lost_ = true;
      return;
    }
    keep_exif(exif, where.hex);
  }

  void keep_exif(const byte_vector& exif, bool raw) {
    const auto bare = without_exif_prefix(exif);
    found_.exif.assign(bare.begin(), bare.end());
    exif_is_raw_ = raw;
  }

  // "Raw profile type …", as ImageMagick writes it: the profile in hexadecimal digits.
  void take_raw_profile(const chunk& c, const content& where, std::string_view type) {
    if (type == "exif") return take_exif(c, where, found_.exif.empty());
    const bool is_iptc = type == "iptc" || type == "8bim";
    const bool is_known = is_iptc         ? !found_.iptc.empty()
                          : type == "xmp" ? !found_.xmp.empty()
                                          : !found_.xmp.empty() && !found_.exif.empty();
    if (is_known) return; // ImageMagick writes the same once more in its own form
    byte_vector bytes;
    const bool ok = read(c, where, bytes, room());
    const auto text = as_text(bytes);
    if (is_iptc) {
      iptc_lost_ = !ok;
      if (ok) found_.iptc = text.starts_with("8BIM") ? kept_resources(bytes) : as_resource(bytes);
    } else if (text.starts_with(exif_prefix)) { // APP1 holds EXIF or XMP
      if (found_.exif.empty()) keep_exif(bytes, true);
    } else if (found_.xmp.empty() && ok) {
      const auto begin = text.starts_with(jpeg_xmp_prefix) ? jpeg_xmp_prefix.size() : 0;
      found_.xmp.assign(bytes.begin() + static_cast<std::ptrdiff_t>(begin), bytes.end());
    } else if (!ok) {
      (type == "xmp" ? xmp_lost_ : exif_lost_) = true;
    }
  }

  // name, 0, method 0, profile
  void take_icc(const chunk& c) {
    if (!found_.icc.empty()) return;
    std::uint8_t head[keyword_bytes_max + 2];
    const std::span<const std::uint8_t> text{
        head, in_.read_at(c.at, std::span(head).first(std::min<std::size_t>(c.size, sizeof head)))};
    const auto end = static_cast<std::size_t>(std::ranges::find(text, 0) - text.begin());
    const bool sound = end + 1 < text.size() && text[end + 1] == 0;
    icc_lost_ = colour_is_set_ || !sound ||
                !read(c, {.begin = end + 2, .deflated = true}, found_.icc, room());
  }

  void take_text(const chunk& c) {
    const auto head = read_text_head(c);
    if (!head) return found_.losses.add(domain::loss::text_dropped);
    const std::string_view keyword = head->text.keyword;
    if (keyword == png_xmp_keyword && c.name == "iTXt") {
      if (!found_.xmp.empty()) return found_.losses.add(domain::loss::xmp_dropped);
      xmp_lost_ = !read(c, head->where, found_.xmp, room());
      return;
    }
    for (const std::string_view type : {"exif", "APP1", "xmp", "iptc", "8bim"})
      if (keyword.starts_with(raw_profile_keyword) &&
          keyword.substr(raw_profile_keyword.size()) == type) {
        auto where = head->where;
        where.hex = true;
        return take_raw_profile(c, where, type);
      }
    keep_text(c, *head);
  }

  void keep_text(const chunk& c, text_head head) {
    byte_vector bytes;
    const bool empty = !head.where.deflated && head.where.begin == c.size;
    if (found_.texts.size() == limits::png_texts_max ||
        (!empty && !read(c, head.where, bytes, room())))
      return found_.losses.add(domain::loss::text_dropped);
    text_bytes_ += bytes.size();
    head.text.text.assign(bytes.begin(), bytes.end());
    found_.texts.push_back(std::move(head.text));
  }

  // keyword, 0, then: tEXt: text; zTXt: method, text; iTXt: compressed?, method, language, 0,
  // translated keyword, 0, text.
  std::optional<text_head> read_text_head(const chunk& c) const {
    std::uint8_t bytes[512];
    const auto size =
        in_.read_at(c.at, std::span(bytes).first(std::min<std::size_t>(c.size, sizeof bytes)));
    const std::string_view head{reinterpret_cast<const char*>(bytes), size};
    const auto end = head.find('\0');
    if (end == std::string_view::npos || end == 0 || end > keyword_bytes_max) return std::nullopt;
    text_head out{{std::string{head.substr(0, end)}, {}}, {.begin = end + 1}};
    if (c.name == "zTXt") {
      out.where.begin += 1;
      out.where.deflated = true;
    }
    if (c.name != "iTXt") return out;
    const auto language_end = head.find('\0', end + 3);
    if (language_end == std::string_view::npos) return std::nullopt;
    const auto translated_end = head.find('\0', language_end + 1);
    if (translated_end == std::string_view::npos) return std::nullopt;
    out.text.utf8 = true;
    out.text.language = head.substr(end + 3, language_end - end - 3);
    out.text.translated_keyword = head.substr(language_end + 1, translated_end - language_end - 1);
    out.where = {.begin = translated_end + 1, .deflated = bytes[end + 1] != 0};
    return out;
  }

  std::size_t room() const {
    const auto kept = found_.exif.size() + found_.xmp.size() + found_.icc.size() +
                      found_.iptc.size() + text_bytes_;
    return static_cast<std::size_t>(limits::metadata_bytes_max -
                                    std::min<std::uint64_t>(kept, limits::metadata_bytes_max));
  }

  // Reads twice: to check and to measure, then to copy into a buffer of just that size.
  bool read(const chunk& c, const content& where, byte_vector& out, std::size_t bytes_max) const {
    std::size_t size = 0;
    const auto measure = [&](std::span<const std::uint8_t> bytes) {
      size += bytes.size();
      return size <= bytes_max;
    };
    if (!unpack(c, where, measure) || size == 0) return false;
    byte_vector copy;
    copy.reserve(size);
    const auto append = [&](std::span<const std::uint8_t> bytes) {
      copy.insert(copy.end(), bytes.begin(), bytes.end());
      return copy.size() <= size; // the file may change meanwhile
    };
    if (!unpack(c, where, append)) return false;
    out = std::move(copy);
    return true;
  }

  // False when the chunk ends too early, its checksum is wrong, or `give` wants no more.
  template<class Give>
  bool unpack(const chunk& c, const content& where, Give& give) const {
    inflater inflated;
    hex_reader hex;
    std::uint64_t text_bytes = 0;
    const auto spell = [&](std::span<const std::uint8_t> bytes) {
      text_bytes += bytes.size();
      if (text_bytes > unpacked_bytes_max) return false;
      return where.hex ? hex.take(bytes, give) : give(bytes);
    };
    auto sum = crc32(0, reinterpret_cast<const Bytef*>(c.name.data()), 4);
    std::uint8_t piece[piece_bytes];
    for (std::uint64_t at = 0; at < c.size;) {
      const auto step =
          static_cast<std::size_t>(std::min<std::uint64_t>(c.size - at, sizeof piece));
      if (in_.read_at(c.at + at, {piece, step}) != step) return false;
      sum = crc32(sum, piece, static_cast<uInt>(step));
      std::span<const std::uint8_t> bytes{piece, step};
      bytes = bytes.subspan(at < where.begin ? std::min<std::size_t>(where.begin - at, step) : 0);
      if (!(where.deflated ? inflated.take(bytes, spell) : spell(bytes))) return false;
      at += step;
    }
    std::uint8_t stored[4];
    if (in_.read_at(c.at + c.size, stored) != sizeof stored || base::read_u32_be(stored) != sum)
      return false;
    return !where.deflated || inflated.ended();
  }

  const input_stream& in_;
  png_chunks found_;
  bool colour_is_set_ = false; // from here on, colour chunks are out of place
  bool pixels_began_ = false;
  bool exif_is_raw_ = false; // eXIf takes its place
  bool icc_lost_ = false, exif_lost_ = false, xmp_lost_ = false, iptc_lost_ = false;
  std::size_t text_bytes_ = 0; // and of private chunks
};

} // namespace

png_chunks read_png_chunks(const input_stream& in) {
  return chunk_walk(in).run();
}

} // namespace darkroom::codecs
