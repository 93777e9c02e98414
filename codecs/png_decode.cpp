// PNG to pixels with libpng. Every call sequence into the library stands in one `noexcept` function
// with only trivial locals: the library leaves it by longjmp. Never the simplified API, never
// quantization: most of libpng's vulnerabilities lie there.
#include "base/units.hpp"
#include "codecs/exif.hpp"
#include "codecs/limits.hpp"
#include "codecs/png_fence.hpp"
#include "codecs/png_format.hpp"

#include <png.h>

#include <bit>
#include <csetjmp>
#include <cstring>

namespace darkroom::codecs {

namespace {

using enum domain::failure_reason;

static_assert(PNG_LIBPNG_VER >= 10632, "png_get_eXIf_1 is needed");

void on_read(png_structp png, png_bytep out, size_t size) {
  auto& in = *static_cast<input_stream*>(png_get_io_ptr(png));
  if (in.read({out, size}) == size) return;
  static_cast<png_errors*>(png_get_error_ptr(png))->truncated = true;
  png_error(png, "the data ends too early");
}

class png_reader {
public:
  explicit png_reader(input_stream& in) : in_(in) {}
  ~png_reader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  png_reader(const png_reader&) = delete;
  png_reader& operator=(const png_reader&) = delete;

  bool read_header() noexcept {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &errors_, on_png_error, on_png_warning);
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    if (info_ == nullptr) return false;
    if (setjmp(errors_.escape) != 0) return false;
    png_set_read_fn(png_, &in_, on_read);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX); // ours are told apart by reason
    png_set_chunk_malloc_max(png_, limits::png_chunk_bytes_max);
    png_set_chunk_cache_max(png_, limits::png_chunks_cached_max);
    // Text is skipped, except the one iTXt that holds XMP; acTL says that there is an animation.
    static const png_byte skipped[] = "tEXt\0zTXt\0sPLT\0hIST";
    static const png_byte kept[] = "iTXt\0acTL";
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, skipped, 4);
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_ALWAYS, kept, 2);
    png_set_option(png_, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);
    png_read_info(png_, info_);
    return true;
  }

  // Asks for 8- or 16-bit grey, RGB, each with alpha where there is transparency of any kind.
  bool start() noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    png_set_expand(png_);
    if (png_get_bit_depth(png_, info_) == 16 && std::endian::native == std::endian::little)
      png_set_swap(png_);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  // Returns false when the data ended or broke; `rows_read` says how far it came.
  bool read_rows(std::uint8_t* pixels, std::size_t row_bytes, std::uint32_t height,
                 progress_meter progress) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    const auto all = std::uint64_t{height} * static_cast<unsigned>(passes_);
    for (int pass = 0; pass < passes_; ++pass)
      for (std::uint32_t y = 0; y < height; ++y) {
        png_read_row(png_, pixels + y * row_bytes, nullptr);
        rows_read_ += 1;
        progress.at(rows_read_, all);
      }
    png_read_end(png_, nullptr);
    return true;
  }

  // Frames of an APNG; 1 for a still picture.
  std::uint32_t frames() noexcept {
    const auto* chunk = unknown_chunk("acTL");
    if (chunk == nullptr || chunk->size < 8) return 1;
    const std::uint32_t count = png_get_uint_32(chunk->data);
    return count < 2 ? 1 : count;
  }

  png_unknown_chunk* unknown_chunk(const char* name) noexcept {
    png_unknown_chunkp chunks = nullptr;
    const int count = png_get_unknown_chunks(png_, info_, &chunks);
    for (int i = 0; i < count; ++i)
      if (std::memcmp(chunks[i].name, name, 4) == 0) return &chunks[i];
    return nullptr;
  }

  // The XMP packet of an uncompressed iTXt chunk; `compressed` is set for one that is skipped
  // because it would have to be inflated.
  std::span<const std::uint8_t> xmp(bool* compressed = nullptr) noexcept {
    png_unknown_chunkp chunks = nullptr;
    const int count = png_get_unknown_chunks(png_, info_, &chunks);
    for (int i = 0; i < count; ++i) {
      if (std::memcmp(chunks[i].name, "iTXt", 4) != 0) continue;
      const std::span<const std::uint8_t> data{chunks[i].data, chunks[i].size};
      const auto key = png_xmp_keyword.size();
      // keyword, 0, compressed?, method, language, 0, translated keyword, 0, text
      if (data.size() < key + 5 || std::memcmp(data.data(), png_xmp_keyword.data(), key) != 0 ||
          data[key] != 0)
        continue;
      if (data[key + 1] != 0) {
        if (compressed != nullptr) *compressed = true;
        continue;
      }
      std::size_t at = key + 3;
      for (int zeros = 0; zeros < 2 && at < data.size(); ++at)
        if (data[at] == 0) ++zeros;
      return data.subspan(at);
    }
    return {};
  }

  png_structp png() { return png_; }
  png_infop info() { return info_; }
  const png_errors& errors() const { return errors_; }
  std::uint64_t rows_read() const { return rows_read_; }

  codec_error error() const {
    if (png_ == nullptr || info_ == nullptr) return {limit_memory, "no memory for the decoder"};
    if (errors_.truncated) return {truncated_input, errors_.text};
    const std::string_view text = errors_.text;
    if (text.find("memory") != std::string_view::npos) return {limit_memory, errors_.text};
    return {corrupt_input, errors_.text};
  }

private:
  input_stream& in_;
  png_errors errors_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
  std::uint64_t rows_read_ = 0;
};

bool sniff_png(std::span<const std::uint8_t> head) {
  return head.size() >= 8 && png_sig_cmp(head.data(), 0, 8) == 0;
}

byte_vector icc_of(png_reader& reader) {
  png_charp name = nullptr;
  png_bytep profile = nullptr;
  png_uint_32 size = 0;
  int method = 0;
  if (png_get_iCCP(reader.png(), reader.info(), &name, &method, &profile, &size) == 0) return {};
  return {profile, profile + size};
}

byte_vector exif_of(png_reader& reader) {
  png_bytep exif = nullptr;
  png_uint_32 size = 0;
  if (png_get_eXIf_1(reader.png(), reader.info(), &size, &exif) == 0) return {};
  return {exif, exif + size};
}

image_info info_of(png_reader& reader) {
  auto* png = reader.png();
  auto* header = reader.info();
  const auto colour = png_get_color_type(png, header);
  const bool transparent = png_get_valid(png, header, PNG_INFO_tRNS) != 0;
  image_info out;
  out.format = "png";
  out.width = png_get_image_width(png, header);
  out.height = png_get_image_height(png, header);
  out.alpha = (colour & PNG_COLOR_MASK_ALPHA) != 0 || transparent;
  out.channels = static_cast<std::uint8_t>(((colour & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1) +
                                           (out.alpha ? 1 : 0));
  out.depth = png_get_bit_depth(png, header) == 16 ? 16 : 8;
  out.progressive = png_get_interlace_type(png, header) != PNG_INTERLACE_NONE;
  out.lossless = true;
  out.frames = reader.frames();
  const auto exif = exif_of(reader);
  out.orientation = exif_orientation(exif);
  out.exif_bytes = static_cast<std::uint32_t>(exif.size());
  out.icc_bytes = static_cast<std::uint32_t>(icc_of(reader).size());
  out.xmp_bytes = static_cast<std::uint32_t>(reader.xmp().size());
  return out;
}

result<image_info> probe_png(input_stream& in, const input_limits&) {
  png_reader reader(in);
  if (!reader.read_header()) return std::unexpected(reader.error());
  return info_of(reader);
}

colorimetry colour_of(png_reader& reader) {
  auto* png = reader.png();
  auto* info = reader.info();
  colorimetry colour;
  png_fixed_point gamma = 0;
  if (png_get_gAMA_fixed(png, info, &gamma) != 0 && gamma > 0)
    colour.gamma = static_cast<std::uint32_t>(gamma);
  png_fixed_point c[8];
  if (png_get_cHRM_fixed(png, info, &c[0], &c[1], &c[2], &c[3], &c[4], &c[5], &c[6], &c[7]) != 0) {
    colour.chromaticity.emplace();
    for (int i = 0; i < 8; ++i)
      (*colour.chromaticity)[i] = static_cast<std::uint32_t>(c[i]);
  }
  int intent = 0;
  if (png_get_sRGB(png, info, &intent) != 0) colour.srgb_intent = static_cast<std::uint8_t>(intent);
  return colour;
}

metadata metadata_of(png_reader& reader, domain::loss_set& losses) {
  metadata meta;
  meta.exif = exif_of(reader);
  meta.icc = icc_of(reader);
  bool compressed = false;
  const auto xmp = reader.xmp(&compressed);
  meta.xmp.assign(xmp.begin(), xmp.end());
  if (compressed && meta.xmp.empty()) losses.add(domain::loss::xmp_dropped);
  meta.colour = colour_of(reader);
  png_uint_32 x = 0, y = 0;
  int unit = 0;
  if (png_get_pHYs(reader.png(), reader.info(), &x, &y, &unit) != 0)
    meta.density = pixel_density{x, y, unit == PNG_RESOLUTION_METER};
  if (reader.errors().icc_refused && meta.icc.empty()) losses.add(domain::loss::icc_dropped);
  return meta;
}

pixel_layout layout_of(png_structp png, png_infop info) {
  switch (png_get_channels(png, info)) {
  case 1:
    return pixel_layout::grey;
  case 2:
    return pixel_layout::grey_alpha;
  case 3:
    return pixel_layout::rgb;
  default:
    return pixel_layout::rgba;
  }
}

result<decoded_image> decode_png(input_stream& in, const decode_options& options,
                                 const decode_planner& plan) {
  png_reader reader(in);
  if (!reader.read_header()) return std::unexpected(reader.error());
  const auto info = info_of(reader);
  if (const auto way = plan(info); !way) return std::unexpected(way.error());

  decoded_image out;
  out.meta = metadata_of(reader, out.losses);
  out.orientation = info.orientation;
  if (info.frames > 1) out.losses.add(domain::loss::animation_dropped);
  if (!reader.start()) return std::unexpected(reader.error());
  auto pixels = image::make(layout_of(reader.png(), reader.info()), info.width, info.height,
                            png_get_bit_depth(reader.png(), reader.info()));
  if (!pixels) return std::unexpected(pixels.error());
  if (png_get_rowbytes(reader.png(), reader.info()) != pixels->row_bytes())
    return fail(internal, "libpng's rows are not as expected");
  pixels->clear(); // what is missing from a truncated picture stays blank
  if (!reader.read_rows(pixels->data(), pixels->row_bytes(), info.height, options.progress)) {
    const bool salvage = reader.errors().truncated && !options.strict && reader.rows_read() > 0;
    if (!salvage) return std::unexpected(reader.error());
    out.losses.add(domain::loss::truncated_salvaged);
  } else if (options.strict && reader.errors().warnings != 0) {
    return fail(corrupt_input, "libpng warned of the data");
  }
  out.pixels = std::move(*pixels);
  return out;
}

std::uint64_t png_decode_bytes(const image_info& info, std::uint32_t) {
  return std::uint64_t{info.width} * info.channels * (info.depth / 8) * 4 + 64 * limits::KiB +
         3 * std::uint64_t{info.icc_bytes} + 2 * info.exif_bytes + 2 * info.xmp_bytes;
}

std::string png_library_version() {
  return std::string{"libpng "} + png_get_libpng_ver(nullptr);
}

// 2×2 RGB pixels.
constexpr std::uint8_t png_sample[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44,
    0x52, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x02, 0x08, 0x02, 0x00, 0x00, 0x00, 0xfd,
    0xd4, 0x9a, 0x73, 0x00, 0x00, 0x00, 0x12, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0xf8,
    0xcf, 0xc0, 0xc0, 0x00, 0xc2, 0x0c, 0xff, 0x81, 0x00, 0x00, 0x1f, 0xee, 0x05, 0xfb, 0xf1,
    0xab, 0xba, 0x77, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

} // namespace

const format_row& png_format() {
  static const format_row row{
      .name = "png",
      .label = "PNG",
      .extension = "png",
      .extensions = {"png", "apng"},
      .media_type = "image/png",
      .side_pixels_max = PNG_UINT_31_MAX,
      .holds_alpha = true,
      .holds_16_bit = true,
      .holds_grey = true,
      .holds_colorimetry = true,
      .options = {.effort = {{0, limits::effort_max}},
                  .lossless = domain::lossless_support::always,
                  .progressive = "interlaced"},
      .sample = png_sample,
      .sniff = sniff_png,
      .probe = probe_png,
      .decode = decode_png,
      .encode = encode_png,
      .takes_yuv420 = [](const domain::output_spec&) { return false; },
      .decode_bytes = png_decode_bytes,
      .encode_bytes = png_encode_bytes,
      .output_bytes = png_output_bytes,
      .is_slow = lossless_or_high_effort,
      .decode_scale = [](const image_info&, std::uint32_t, std::uint32_t) { return 1u; },
      .version = png_library_version};
  return row;
}

} // namespace darkroom::codecs
