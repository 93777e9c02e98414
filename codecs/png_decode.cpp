// PNG to pixels with libpng. Every call sequence into the library stands in one `noexcept` function
// with only trivial locals: the library leaves it by longjmp. Never the simplified API, never
// quantization: most of libpng's vulnerabilities lie there.
#include "base/units.hpp"
#include "codecs/colour.hpp"
#include "codecs/limits.hpp"
#include "codecs/metadata/exif.hpp"
#include "codecs/png_chunks.hpp"
#include "codecs/png_fence.hpp"
#include "codecs/png_format.hpp"

#include <png.h>

#include <bit>
#include <csetjmp>
#include <cstring>

namespace darkroom::codecs {

namespace {

using enum domain::failure_reason;

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
    // What is beside the pixels comes from `read_png_chunks`, whose limits end no picture.
    static const png_byte skipped[] = "iCCP\0eXIf\0tEXt\0zTXt\0iTXt\0sPLT\0hIST\0bKGD\0sBIT\0tIME\0"
                                      "oFFs\0pCAL\0sCAL";
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, skipped, sizeof skipped / 5);
    png_set_chunk_malloc_max(png_, 0); // of those that are left, each has a length of its own
    png_set_option(png_, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);
    png_read_info(png_, info_);
    return true;
  }

  // Asks for 8- or 16-bit grey, RGB, each with alpha where there is transparency of any kind.
  bool start(bool strict, bool truncated) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    // libpng drops a piece of which not all arrived.
    if (truncated) png_set_compression_buffer_size(png_, 64);
    // From here on only IDAT and IEND are critical: a checksum says that bytes changed, not that
    // the picture cannot be shown. zlib's own checksum is of the same bytes, and ends the picture.
    if (!strict) {
      png_set_crc_action(png_, PNG_CRC_WARN_USE, PNG_CRC_NO_CHANGE);
      png_set_option(png_, PNG_IGNORE_ADLER32, PNG_OPTION_ON);
    }
    png_set_expand(png_);
    if (png_get_bit_depth(png_, info_) == 16 && std::endian::native == std::endian::little)
      png_set_swap(png_);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  // Returns false when the data ended or broke; `pixels_arrived` says how far it came. A pixel of
  // an interlaced picture fills its block until those of later passes arrive.
  bool read_rows(std::uint8_t* pixels, std::size_t row_bytes, std::uint32_t width,
                 std::uint32_t height, progress_meter progress) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    const auto all = std::uint64_t{height} * static_cast<unsigned>(passes_);
    std::uint64_t rows = 0;
    for (int pass = 0; pass < passes_; ++pass)
      for (std::uint32_t y = 0; y < height; ++y) {
        std::uint8_t* row = pixels + y * row_bytes;
        if (passes_ == 1) {
          png_read_row(png_, row, nullptr);
          pixels_arrived_ += width;
        } else {
          png_read_row(png_, nullptr, row);
          if (PNG_ROW_IN_INTERLACE_PASS(y, pass)) pixels_arrived_ += PNG_PASS_COLS(width, pass);
        }
        progress.at(++rows, all);
      }
    complete_ = true;
    png_read_end(png_, info_);
    return true;
  }

  png_structp png() { return png_; }
  png_infop info() { return info_; }
  const png_errors& errors() const { return errors_; }
  std::uint64_t pixels_arrived() const { return pixels_arrived_; }
  bool complete() const { return complete_; } // all rows arrived

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
  std::uint64_t pixels_arrived_ = 0;
  bool complete_ = false;
};

bool sniff_png(std::span<const std::uint8_t> head) {
  return head.size() >= 8 && png_sig_cmp(head.data(), 0, 8) == 0;
}

colorimetry colour_of(png_reader& reader, const png_chunks& chunks) {
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
  colour.cicp = chunks.cicp;
  colour.mastering = chunks.mastering;
  colour.light_level = chunks.light_level;
  return colour;
}

image_info info_of(png_reader& reader, const png_chunks& chunks) {
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
  out.frames = chunks.frames;
  out.orientation = exif_orientation(chunks.exif);
  out.exif_bytes = static_cast<std::uint32_t>(chunks.exif.size());
  out.icc_bytes = static_cast<std::uint32_t>(chunks.icc.size());
  out.xmp_bytes = static_cast<std::uint32_t>(chunks.xmp.size());
  out.colorimetry = !profile_of(colour_of(reader, chunks), out.channels <= 2).empty();
  return out;
}

result<image_info> probe_png(input_stream& in, const input_limits&) {
  png_reader reader(in);
  if (!reader.read_header()) return std::unexpected(reader.error());
  return info_of(reader, read_png_chunks(in));
}

metadata metadata_of(png_reader& reader, png_chunks&& chunks) {
  metadata meta;
  meta.colour = colour_of(reader, chunks);
  meta.exif = std::move(chunks.exif);
  meta.icc = std::move(chunks.icc);
  meta.xmp = std::move(chunks.xmp);
  meta.iptc = std::move(chunks.iptc);
  meta.texts = std::move(chunks.texts);
  meta.chunks = std::move(chunks.chunks);
  png_uint_32 x = 0, y = 0;
  int unit = 0;
  if (png_get_pHYs(reader.png(), reader.info(), &x, &y, &unit) != 0 && x != 0 && y != 0)
    meta.density = pixel_density{x, y, unit == PNG_RESOLUTION_METER};
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

// Tells a picture that arrived, or enough of it, from a failure, and declares what is wrong.
result<void> judge(png_reader& reader, bool ended, bool cut_short, const decode_options& options,
                   decoded_image& out) {
  const auto& errors = reader.errors();
  const auto all = std::uint64_t{png_get_image_width(reader.png(), reader.info())} *
                   png_get_image_height(reader.png(), reader.info());
  const auto percent = static_cast<std::uint8_t>(100 * reader.pixels_arrived() / all);
  if (!ended) {
    if (options.strict) return std::unexpected(reader.error());
    if (cut_short && errors.truncated && percent > 0)
      out.losses.add(domain::loss::truncated_salvaged);
    else if (reader.complete())
      out.losses.add(domain::loss::damage_salvaged); // of what follows the pixels
    else
      return std::unexpected(reader.error());
    out.arrived_percent = percent;
  }
  if (options.strict && errors.warnings != 0)
    return fail(corrupt_input, "libpng warned of the data");
  const bool palette = png_get_color_type(reader.png(), reader.info()) == PNG_COLOR_TYPE_PALETTE;
  if (errors.data_damaged || errors.transparency_repaired || (palette && errors.palette_repaired))
    out.losses.add(domain::loss::damage_salvaged);
  return {};
}

result<decoded_image> decode_png(input_stream& in, const decode_options& options,
                                 const decode_planner& plan) {
  png_reader reader(in);
  if (!reader.read_header()) return std::unexpected(reader.error());
  auto chunks = read_png_chunks(in);
  const auto info = info_of(reader, chunks);
  if (const auto way = plan(info); !way) return std::unexpected(way.error());

  decoded_image out;
  const bool cut_short = !chunks.ended;
  out.losses = chunks.losses;
  out.meta = metadata_of(reader, std::move(chunks));
  out.orientation = info.orientation;
  if (info.frames > 1) out.losses.add(domain::loss::animation_dropped);
  if (!reader.start(options.strict, cut_short)) return std::unexpected(reader.error());
  auto pixels = image::make(layout_of(reader.png(), reader.info()), info.width, info.height,
                            png_get_bit_depth(reader.png(), reader.info()));
  if (!pixels) return std::unexpected(pixels.error());
  if (png_get_rowbytes(reader.png(), reader.info()) != pixels->row_bytes())
    return fail(internal, "libpng's rows are not as expected");
  if (cut_short) pixels->clear(); // what is missing stays blank
  const bool ended = reader.read_rows(pixels->data(), pixels->row_bytes(), info.width, info.height,
                                      options.progress);
  if (auto ok = judge(reader, ended, cut_short, options, out); !ok)
    return std::unexpected(ok.error());
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
      .holds = {.iptc = true, .texts = true, .density = true, .private_chunks = true},
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
      .encode_ps_per_pixel = 30'000,
      .is_slow = lossless_or_high_effort,
      .decode_scale = [](const image_info&, std::uint32_t, std::uint32_t) { return 1u; },
      .version = png_library_version};
  return row;
}

} // namespace darkroom::codecs
