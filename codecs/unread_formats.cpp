#include "codecs/unread_formats.hpp"

#include "base/byte_order.hpp"
#include "codecs/format.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace darkroom::codecs {

namespace {

using byte_span = std::span<const std::uint8_t>;
using namespace std::string_view_literals;

std::string_view head_text(byte_span head) {
  return {reinterpret_cast<const char*>(head.data()), head.size()};
}

std::uint32_t head_number(byte_span head, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i)
    value |= std::uint32_t{head[at + i]} << (8 * i);
  return value;
}

// Two letters are not enough: the size of the second header must be one that exists.
bool is_bitmap(byte_span head) {
  constexpr std::array<std::uint32_t, 8> header_sizes{12, 16, 40, 52, 56, 64, 108, 124};
  return head.size() >= 18 &&
         std::ranges::find(header_sizes, head_number(head, 14, 4)) != header_sizes.end();
}

// The first entry of the directory: its reserved byte is 0, and its image is not empty.
bool is_icon(byte_span head) {
  return head.size() >= 22 && head_number(head, 4, 2) != 0 && head[9] == 0 &&
         head_number(head, 14, 4) != 0;
}

bool is_netpbm(byte_span head) {
  return head.size() > 3 && head[1] >= '1' && head[1] <= '7' && std::isspace(head[2]) != 0 &&
         (std::isdigit(head[3]) != 0 || head[3] == '#' || head[3] == 'W');
}

bool is_pcx(byte_span head) {
  return head.size() > 3 && head[1] <= 5 && head[2] <= 1 &&
         (head[3] == 1 || head[3] == 2 || head[3] == 4 || head[3] == 8);
}

// The first element; before it may come a byte order mark, an XML declaration, comments, processing
// instructions and a document type (XML 1.0, section 2.8).
bool is_svg(byte_span head) {
  auto text = head_text(head);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto skip_past = [&text](std::string_view end) {
    const auto at = text.find(end);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + end.size());
  };
  while (true) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos || text[begin] != '<') return false;
    text.remove_prefix(begin);
    if (text.starts_with("<?")) {
      skip_past("?>");
    } else if (text.starts_with("<!--")) {
      skip_past("-->");
    } else if (text.starts_with("<!")) {
      const auto subset = text.find('['), end = text.find('>');
      if (subset < end) skip_past("]");
      skip_past(">");
    } else {
      break;
    }
  }
  auto name = text.substr(1, text.substr(1).find_first_of(" \t\r\n/>"));
  if (const auto colon = name.find(':'); colon != std::string_view::npos)
    name.remove_prefix(colon + 1);
  return name == "svg";
}

// The brands of an ISO base media file (ISO/IEC 14496-12, 4.3). Films have others.
std::string_view label_of_brands(byte_span head) {
  if (head.size() < 16 || head_text(head).substr(4, 4) != "ftyp") return {};
  struct brand_row {
    std::string_view brand, label;
  };
  constexpr std::array<brand_row, 13> rows{{{"avif", "AVIF"},
                                            {"avis", "AVIF sequence"},
                                            {"crx ", "CR3 (Canon raw)"},
                                            {"heic", "HEIC (Apple photo)"},
                                            {"heix", "HEIC (Apple photo)"},
                                            {"heim", "HEIC (Apple photo)"},
                                            {"heis", "HEIC (Apple photo)"},
                                            {"hevc", "HEIC sequence (Apple photo)"},
                                            {"hevx", "HEIC sequence (Apple photo)"},
                                            {"jxs ", "JPEG XS"},
                                            {"j2is", "HEIF with JPEG 2000"},
                                            {"mif1", "HEIF"},
                                            {"msf1", "HEIF sequence"}}};
  const auto box = base::read_u32_be(head.data());
  const auto end = std::min<std::size_t>(box, head.size());
  const auto major = head_text(head).substr(8, 4);
  // Films may list image brands as compatible ones; only an image, or a generic brand, leads.
  if (std::ranges::find(rows, major, &brand_row::brand) == rows.end() && major != "heif") return {};
  for (const auto& row : rows) {
    if (major == row.brand) {
      if (major != "mif1" && major != "msf1") return row.label;
      continue;
    }
    for (std::size_t at = 16; at + 4 <= end; at += 4)
      if (head_text(head).substr(at, 4) == row.brand) return row.label;
  }
  return major == "msf1" ? "HEIF sequence"sv : "HEIF"sv;
}

struct magic_row {
  std::string_view label;
  std::size_t offset;
  std::string_view magic;
  bool (*agrees)(byte_span head) = nullptr; // for a magic that is too short to be sure
};

// The more specific row comes first.
constexpr std::array<magic_row, 50> magics{
    {{"GIF", 0, "GIF87a"sv},
     {"GIF", 0, "GIF89a"sv},
     {"CR2 (Canon raw)", 8, "CR\x02\x00"sv},
     {"CRW (Canon raw)", 6, "HEAPCCDR"sv},
     {"RW2 (Panasonic raw)", 0, "IIU\x00"sv},
     {"ORF (Olympus raw)", 0, "IIRO"sv},
     {"ORF (Olympus raw)", 0, "IIRS"sv},
     {"ORF (Olympus raw)", 0, "MMOR"sv},
     {"RAF (Fujifilm raw)", 0, "FUJIFILMCCD-RAW"sv},
     {"X3F (Sigma raw)", 0, "FOVb"sv},
     {"MRW (Minolta raw)", 0, "\x00MRM"sv},
     {"TIFF or a camera's raw image (DNG, NEF, ARW)", 0, "II*\x00"sv},
     {"TIFF or a camera's raw image (DNG, NEF, ARW)", 0, "MM\x00*"sv},
     {"BigTIFF", 0, "II+\x00"sv},
     {"BigTIFF", 0, "MM\x00+"sv},
     {"JPEG XL", 0, "\xff\x0a"sv},
     {"JPEG XL", 0, "\x00\x00\x00\x0cJXL \r\n\x87\n"sv},
     {"JPEG 2000", 0, "\x00\x00\x00\x0cjP  \r\n\x87\n"sv},
     {"JPEG 2000", 0, "\xff\x4f\xff\x51"sv},
     {"JPEG XR", 0, "II\xbc"sv},
     {"JPEG XS", 0, "\x00\x00\x00\x0cJXS \r\n\x87\n"sv},
     {"BMP", 0, "BM"sv, is_bitmap},
     {"ICO (Windows icon)", 0, "\x00\x00\x01\x00"sv, is_icon},
     {"CUR (Windows cursor)", 0, "\x00\x00\x02\x00"sv, is_icon},
     {"ICNS (Apple icon)", 0, "icns"sv},
     {"PSD (Photoshop)", 0, "8BPS"sv},
     {"XCF (GIMP)", 0, "gimp xcf"sv},
     {"OpenEXR", 0, "\x76\x2f\x31\x01"sv},
     {"Radiance HDR", 0, "#?RADIANCE"sv},
     {"Radiance HDR", 0, "#?RGBE"sv},
     {"DDS", 0, "DDS \x7c\x00\x00\x00"sv},
     {"KTX", 0, "\xabKTX "sv},
     {"QOI", 0, "qoif"sv},
     {"farbfeld", 0, "farbfeld"sv},
     {"FLIF", 0, "FLIF"sv},
     {"BPG", 0, "BPG\xfb"sv},
     {"MNG", 0, "\x8aMNG\r\n\x1a\n"sv},
     {"JNG", 0, "\x8bJNG\r\n\x1a\n"sv},
     {"DjVu", 0, "AT&TFORM"sv},
     {"DICOM", 128, "DICM"sv},
     {"FITS", 0, "SIMPLE  ="sv},
     {"DPX", 0, "SDPX"sv},
     {"DPX", 0, "XPDS"sv},
     {"Cineon", 0, "\x80\x2a\x5f\xd7"sv},
     {"SGI", 0, "\x01\xda\x00"sv},
     {"SGI", 0, "\x01\xda\x01"sv},
     {"Sun raster", 0, "\x59\xa6\x6a\x95"sv},
     {"EMF", 40, " EMF"sv},
     {"PCX", 0, "\x0a"sv, is_pcx},
     {"Netpbm", 0, "P"sv, is_netpbm}}};

constexpr std::array image_extensions{
    "3fr"sv, "apng"sv, "arw"sv, "avif"sv, "avifs"sv, "bmp"sv, "cr2"sv,  "cr3"sv, "crw"sv,
    "cur"sv, "dcm"sv,  "dds"sv, "dib"sv,  "djvu"sv,  "dng"sv, "dpx"sv,  "emf"sv, "erf"sv,
    "exr"sv, "fits"sv, "gif"sv, "heic"sv, "heif"sv,  "hif"sv, "icns"sv, "ico"sv, "iiq"sv,
    "j2k"sv, "jng"sv,  "jp2"sv, "jpf"sv,  "jpx"sv,   "jxl"sv, "jxr"sv,  "kdc"sv, "mng"sv,
    "mrw"sv, "nef"sv,  "nrw"sv, "orf"sv,  "pam"sv,   "pbm"sv, "pcx"sv,  "pef"sv, "pgm"sv,
    "pnm"sv, "ppm"sv,  "psb"sv, "psd"sv,  "qoi"sv,   "raf"sv, "rw2"sv,  "rwl"sv, "sgi"sv,
    "sr2"sv, "srw"sv,  "svg"sv, "svgz"sv, "tga"sv,   "tif"sv, "tiff"sv, "wdp"sv, "wmf"sv,
    "x3f"sv, "xcf"sv};

bool has_extension(std::string_view path, std::string_view extension) {
  const auto dot = path.rfind('.');
  return dot != std::string_view::npos &&
         std::ranges::equal(path.substr(dot + 1), extension, {},
                            [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
}

bool has_magic(const magic_row& row, byte_span head) {
  return head.size() >= row.offset && head_text(head).substr(row.offset).starts_with(row.magic) &&
         (row.agrees == nullptr || row.agrees(head));
}

} // namespace

std::string_view unread_format_label(byte_span head) {
  head = head.first(std::min(head.size(), recognition_bytes));
  if (const auto label = label_of_brands(head); !label.empty()) return label;
  const auto row = std::ranges::find_if(magics, [&](const auto& m) { return has_magic(m, head); });
  if (row != magics.end()) return row->label;
  return is_svg(head) ? "SVG"sv : ""sv;
}

std::string unreadable_sentence(byte_span head) {
  const auto label = unread_format_label(head);
  if (label.empty()) return "the first bytes are of no image format that is known";
  return std::string{label} + " cannot be read by this version; export it to a format that can, as "
                              "listed by `darkroom formats`";
}

bool is_image(byte_span head) {
  return sniff_format(head) != nullptr || !unread_format_label(head).empty();
}

bool has_image_extension(std::string_view path) {
  const auto ends = [path](std::string_view extension) { return has_extension(path, extension); };
  return std::ranges::any_of(image_extensions, ends) ||
         std::ranges::any_of(formats(), [&](const format_row& row) {
           return std::ranges::any_of(row.extensions, ends);
         });
}

} // namespace darkroom::codecs
