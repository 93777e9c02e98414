// JPEG to pixels with libjpeg-turbo. Every call sequence into the library stands in one `noexcept`
// function with only trivial locals: the library leaves it by longjmp.
#include "codecs/jpeg_appended.hpp"
#include "codecs/jpeg_fence.hpp"
#include "codecs/jpeg_format.hpp"
#include "codecs/jpeg_metadata.hpp"
#include "codecs/limits.hpp"
#include "codecs/metadata/exif.hpp"
#include "codecs/metadata/xmp.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace darkroom::codecs {

namespace {

using enum domain::failure_reason;

// Hands libjpeg what the stream has.
struct stream_source {
  jpeg_source_mgr base; // first: libjpeg hands us a pointer to it
  input_stream* stream;
  jpeg_metadata* metadata; // null once the header has been read: what follows is not kept
};

void source_nothing(j_decompress_ptr) {}

// A later scan of a progressive picture refines rows that are all there.
std::uint8_t arrived_percent(const jpeg_decompress_struct& info) {
  if (info.input_scan_number > 1) return 100;
  if (info.total_iMCU_rows == 0) return 0;
  return static_cast<std::uint8_t>(std::uint64_t{100} * info.input_iMCU_row / info.total_iMCU_rows);
}

boolean source_fill(j_decompress_ptr info) {
  static const JOCTET end_of_image[] = {0xff, JPEG_EOI};
  auto& source = *reinterpret_cast<stream_source*>(info->src);
  const auto bytes = source.stream->take();
  if (bytes.empty()) {
    auto& errors = *reinterpret_cast<jpeg_errors*>(info->err);
    if (!errors.truncated) errors.arrived_percent = arrived_percent(*info);
    WARNMS(info, JWRN_JPEG_EOF);
    source.base.next_input_byte = end_of_image;
    source.base.bytes_in_buffer = sizeof end_of_image;
  } else {
    source.base.next_input_byte = bytes.data();
    source.base.bytes_in_buffer = bytes.size();
  }
  return TRUE;
}

void source_skip(j_decompress_ptr info, long count) {
  auto& source = *info->src;
  while (count > 0) {
    if (source.bytes_in_buffer == 0) source_fill(info);
    const auto step = std::min(static_cast<std::size_t>(count), source.bytes_in_buffer);
    source.next_input_byte += step;
    source.bytes_in_buffer -= step;
    count -= static_cast<long>(step);
    // At the end of the source there is nothing more to skip.
    if (reinterpret_cast<jpeg_errors*>(info->err)->truncated) return;
  }
}

// Copies the next bytes of the source; what is missing at its end reads as an end of image.
void source_read(j_decompress_ptr info, std::uint8_t* out, std::size_t count) {
  auto& source = *info->src;
  while (count > 0) {
    if (source.bytes_in_buffer == 0) source_fill(info);
    const auto step = std::min(count, source.bytes_in_buffer);
    std::memcpy(out, source.next_input_byte, step);
    out += step;
    source.next_input_byte += step;
    source.bytes_in_buffer -= step;
    count -= step;
  }
}

// Where the next byte that libjpeg takes stands in the file.
std::uint64_t position(const jpeg_decompress_struct& info) {
  const auto& source = *reinterpret_cast<const stream_source*>(info.src);
  return source.stream->taken() - source.base.bytes_in_buffer;
}

// What libjpeg does with APP0, which cannot have two processors. Whether it is JFIF's own, or the
// thumbnail that goes with it.
bool read_jfif(jpeg_decompress_struct& info, std::span<const std::uint8_t> head, long count) {
  const std::string_view text{reinterpret_cast<const char*>(head.data()), head.size()};
  if (text.starts_with(std::string_view{"JFXX\0", 5})) return true;
  if (count < 14 || !text.starts_with(std::string_view{"JFIF\0", 5})) return false;
  info.saw_JFIF_marker = TRUE;
  info.JFIF_major_version = head[5];
  info.JFIF_minor_version = head[6];
  info.density_unit = head[7];
  info.X_density = static_cast<UINT16>(head[8] << 8 | head[9]);
  info.Y_density = static_cast<UINT16>(head[10] << 8 | head[11]);
  return true;
}

// Takes markers in the place of libjpeg's own processor, which would store all of them: depth maps
// and the like take many megabytes.
boolean read_marker(j_decompress_ptr info) {
  std::uint8_t length[2];
  source_read(info, length, sizeof length);
  const long count = (length[0] << 8 | length[1]) - 2;
  if (count <= 0) return TRUE;
  auto* metadata = reinterpret_cast<stream_source*>(info->src)->metadata;
  std::uint8_t head[jpeg_metadata::prefix_bytes];
  const auto head_bytes = std::min(static_cast<std::size_t>(count), sizeof head);
  const auto offset = position(*info);
  source_read(info, head, head_bytes);
  const bool is_jfif =
      info->unread_marker == JPEG_APP0 && read_jfif(*info, {head, head_bytes}, count);
  const auto rest = static_cast<std::size_t>(count) - head_bytes;
  if (metadata == nullptr || is_jfif ||
      !metadata->wants(info->unread_marker, {head, head_bytes}, offset)) {
    source_skip(info, static_cast<long>(rest));
    return TRUE;
  }
  std::uint8_t* space = metadata->add({head, head_bytes}, rest);
  if (space == nullptr) ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
  source_read(info, space, rest);
  return TRUE;
}

struct scan_guard {
  jpeg_progress_mgr base; // first: libjpeg hands us a pointer to it
  int scans_max;
  progress_meter progress;
};

void on_decode_progress(j_common_ptr common) {
  auto* info = reinterpret_cast<j_decompress_ptr>(common);
  const auto& guard = *reinterpret_cast<scan_guard*>(common->progress);
  if (info->input_scan_number > guard.scans_max) {
    reinterpret_cast<jpeg_errors*>(info->err)->too_many_scans = true;
    ERREXIT(info, JERR_BAD_PROGRESSION);
  }
  tell(guard.base, guard.progress);
}

// One JPEG being read. The library's structures live as long as this object.
class jpeg_reader {
public:
  jpeg_reader(input_stream& in, const input_limits& limits, bool strict,
              progress_meter progress = {}) {
    install(errors_);
    errors_.warnings_max = strict ? 0 : limits::jpeg_warnings_tolerant_max;
    source_.stream = &in;
    source_.metadata = &metadata_;
    source_.base = {nullptr,       0,           source_nothing,
                    source_fill,   source_skip, jpeg_resync_to_restart,
                    source_nothing};
    guard_.base.progress_monitor = on_decode_progress;
    guard_.scans_max = static_cast<int>(limits::jpeg_scans_max);
    guard_.progress = progress;
    memory_max_ = static_cast<long>(limits::host_address_base_bytes +
                                    limits.pixels * limits::host_address_bytes_per_pixel);
  }
  ~jpeg_reader() {
    if (created_) jpeg_destroy_decompress(&info_);
  }
  jpeg_reader(const jpeg_reader&) = delete;
  jpeg_reader& operator=(const jpeg_reader&) = delete;

  bool read_header() noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    info_.err = &errors_.base;
    jpeg_create_decompress(&info_);
    created_ = true;
    info_.src = &source_.base;
    info_.progress = &guard_.base;
    info_.mem->max_memory_to_use = memory_max_;
    // APP14 stays libjpeg's own: Adobe's colours.
    for (int app = 0; app <= 15; ++app)
      if (app != 14) jpeg_set_marker_processor(&info_, JPEG_APP0 + app, read_marker);
    jpeg_set_marker_processor(&info_, JPEG_COM, read_marker);
    jpeg_read_header(&info_, TRUE);
    source_.metadata = nullptr;
    return true;
  }

  // Begins decoding; afterwards `info().output_width` and so on are set.
  bool start(J_COLOR_SPACE colour, bool raw, unsigned scale_denominator) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    info_.out_color_space = colour;
    info_.raw_data_out = raw ? TRUE : FALSE;
    info_.scale_num = 1;
    info_.scale_denom = scale_denominator;
    info_.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&info_);
    return true;
  }

  // Reads all rows into an interleaved image.
  bool read_rows(std::uint8_t* pixels, std::size_t row_bytes) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW rows[8];
      const JDIMENSION first = info_.output_scanline;
      const JDIMENSION count = std::min<JDIMENSION>(8, info_.output_height - first);
      for (JDIMENSION i = 0; i < count; ++i)
        rows[i] = pixels + (first + i) * row_bytes;
      jpeg_read_scanlines(&info_, rows, count);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  // Reads 4:2:0 samples as they are stored. `scratch` holds one row of blocks: 16 rows of Y, then
  // 8 of U and 8 of V, each `scratch_row` bytes.
  bool read_raw(std::uint8_t* y, std::uint8_t* u, std::uint8_t* v, std::uint8_t* scratch,
                std::size_t scratch_row) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    const std::uint32_t width = info_.output_width, height = info_.output_height;
    const std::uint32_t half_width = (width + 1) / 2, half_height = (height + 1) / 2;
    JSAMPROW y_rows[jpeg_raw_rows], u_rows[jpeg_raw_rows / 2], v_rows[jpeg_raw_rows / 2];
    for (int i = 0; i < jpeg_raw_rows; ++i)
      y_rows[i] = scratch + i * scratch_row;
    for (int i = 0; i < jpeg_raw_rows / 2; ++i) {
      u_rows[i] = scratch + (jpeg_raw_rows + i) * scratch_row;
      v_rows[i] = scratch + (jpeg_raw_rows + jpeg_raw_rows / 2 + i) * scratch_row;
    }
    JSAMPARRAY planes[3] = {y_rows, u_rows, v_rows};
    while (info_.output_scanline < height) {
      const std::uint32_t first = info_.output_scanline;
      jpeg_read_raw_data(&info_, planes, jpeg_raw_rows);
      for (std::uint32_t i = 0; i < jpeg_raw_rows && first + i < height; ++i)
        std::memcpy(y + std::size_t{first + i} * width, y_rows[i], width);
      for (std::uint32_t i = 0; i < jpeg_raw_rows / 2 && first / 2 + i < half_height; ++i) {
        std::memcpy(u + std::size_t{first / 2 + i} * half_width, u_rows[i], half_width);
        std::memcpy(v + std::size_t{first / 2 + i} * half_width, v_rows[i], half_width);
      }
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  // Where the picture ended, once all of it was read.
  std::uint64_t end() const { return position(info_); }
  jpeg_decompress_struct& info() { return info_; }
  jpeg_errors& errors() { return errors_; }
  jpeg_metadata& metadata() { return metadata_; }

private:
  jpeg_errors errors_{};
  jpeg_metadata metadata_;
  stream_source source_{};
  scan_guard guard_{};
  jpeg_decompress_struct info_{};
  long memory_max_ = 0;
  bool created_ = false;
};

bool is_yuv420(const jpeg_decompress_struct& info) {
  if (info.jpeg_color_space != JCS_YCbCr || info.num_components != 3) return false;
  const auto* c = info.comp_info;
  return c[0].h_samp_factor == 2 && c[0].v_samp_factor == 2 && c[1].h_samp_factor == 1 &&
         c[1].v_samp_factor == 1 && c[2].h_samp_factor == 1 && c[2].v_samp_factor == 1;
}

bool sniff_jpeg(std::span<const std::uint8_t> head) {
  return head.size() >= 3 && head[0] == 0xff && head[1] == 0xd8 && head[2] == 0xff;
}

result<image_info> info_of(jpeg_reader& reader) {
  const auto& info = reader.info();
  if (info.num_components != 1 && info.num_components != 3 && info.num_components != 4)
    return fail(unsupported_format, "a JPEG of " + std::to_string(info.num_components) +
                                        " colour components; 1, 3 and 4 can be read");
  image_info out;
  out.format = "jpeg";
  out.width = info.image_width;
  out.height = info.image_height;
  out.channels = static_cast<std::uint8_t>(info.num_components);
  out.progressive = info.progressive_mode != FALSE;
  out.cmyk = info.num_components == 4;
  out.yuv420 = is_yuv420(info);
  const auto& kept = reader.metadata();
  out.orientation = exif_orientation(kept.exif());
  out.exif_bytes = static_cast<std::uint32_t>(kept.exif().size());
  out.xmp_bytes = static_cast<std::uint32_t>(kept.xmp().size());
  out.icc_bytes = kept.icc_bytes();
  return out;
}

result<image_info> probe_jpeg(input_stream& in, const input_limits& limits) {
  jpeg_reader reader(in, limits, false);
  if (!reader.read_header()) return std::unexpected(error_of(reader.errors(), corrupt_input));
  return info_of(reader);
}

// Largest power-of-two reduction whose result is still at least as large as asked for.
unsigned scale_denominator(std::uint32_t width, std::uint32_t height, std::uint32_t width_min,
                           std::uint32_t height_min) {
  if (width_min == 0 || height_min == 0) return 1;
  for (const unsigned m : {8u, 4u, 2u})
    if ((width + m - 1) / m >= width_min && (height + m - 1) / m >= height_min) return m;
  return 1;
}

std::optional<pixel_density> density_of(const jpeg_decompress_struct& info) {
  const std::uint32_t x = info.X_density, y = info.Y_density;
  if (!info.saw_JFIF_marker || x == 0 || y == 0) return std::nullopt;
  switch (info.density_unit) {
  case 1: // an inch
    return pixel_density{(x * 10'000 + 127) / 254, (y * 10'000 + 127) / 254, true};
  case 2: // a centimetre
    return pixel_density{x * 100, y * 100, true};
  default:
    if (x == y) return std::nullopt; // square pixels, as without it
    return pixel_density{x, y, false};
  }
}

metadata metadata_of(jpeg_reader& reader, domain::loss_set& losses) {
  metadata meta;
  const auto& info = reader.info();
  auto& kept = reader.metadata();
  meta.exif = std::move(kept.exif());
  meta.xmp = std::move(kept.xmp());
  meta.xmp_extension_lost = kept.has_extended_xmp();
  if (meta.xmp_extension_lost) losses.add(domain::loss::xmp_dropped);
  meta.iptc = kept.take_iptc();
  meta.texts = kept.take_comments();
  losses.add(kept.losses());
  if (kept.has_icc()) {
    meta.icc = kept.take_icc();
    if (meta.icc.empty()) losses.add(domain::loss::icc_dropped);
  }
  meta.density = density_of(info);
  return meta;
}

pixel_layout layout_of(const jpeg_decompress_struct& info) {
  if (info.num_components == 1) return pixel_layout::grey;
  // 0 is full ink also without Adobe's marker: nearly every such file is Adobe's kind, and other
  // readers take it for that.
  return info.num_components == 4 ? pixel_layout::cmyk : pixel_layout::rgb;
}

result<image> read_pixels(jpeg_reader& reader, const decode_way& way) {
  auto& info = reader.info();
  const bool raw = way.yuv420 && is_yuv420(info);
  const auto layout = raw ? pixel_layout::yuv420 : layout_of(info);
  const unsigned scale =
      raw ? 1
          : scale_denominator(info.image_width, info.image_height, way.width_min, way.height_min);
  const auto colour = raw                            ? JCS_YCbCr
                      : layout == pixel_layout::grey ? JCS_GRAYSCALE
                      : layout == pixel_layout::cmyk ? JCS_CMYK
                                                     : JCS_RGB;
  if (!reader.start(colour, raw, scale))
    return std::unexpected(error_of(reader.errors(), corrupt_input));
  auto pixels = image::make(layout, info.output_width, info.output_height, 8);
  if (!pixels) return pixels;
  bool complete = false;
  if (raw) {
    const std::size_t scratch_row = (std::size_t{info.output_width} + 31) / 16 * 16;
    byte_vector scratch(scratch_row * jpeg_raw_rows * 2);
    complete = reader.read_raw(pixels->plane(0), pixels->plane(1), pixels->plane(2), scratch.data(),
                               scratch_row);
  } else {
    complete = reader.read_rows(pixels->data(), pixels->row_bytes());
  }
  if (!complete) return std::unexpected(error_of(reader.errors(), corrupt_input));
  return pixels;
}

void read_appended(const input_stream& in, jpeg_reader& reader, decoded_image& out) {
  if (reader.end() >= in.size()) return;
  auto& kept = reader.metadata();
  const auto packet = parse_xmp(out.meta.xmp);
  auto appended =
      read_jpeg_appended(in, reader.end(), {kept.picture_list(), kept.picture_list_offset()},
                         packet && promises_video(*packet));
  out.losses.add(appended.losses);
  if (!appended.gain) return;
  appended.gain->iso_marker = std::move(kept.gain_map_marker());
  out.meta.gain = std::move(appended.gain);
}

result<decoded_image> decode_jpeg(input_stream& in, const decode_options& options,
                                  const decode_planner& plan) {
  jpeg_reader reader(in, options.limits, options.strict, options.progress);
  if (!reader.read_header()) return std::unexpected(error_of(reader.errors(), corrupt_input));
  const auto info = info_of(reader);
  if (!info) return std::unexpected(info.error());
  const auto way = plan(*info);
  if (!way) return std::unexpected(way.error());

  decoded_image out;
  out.meta = metadata_of(reader, out.losses);
  out.orientation = info->orientation;
  auto pixels = read_pixels(reader, *way);
  if (!pixels) return std::unexpected(pixels.error());
  out.pixels = std::move(*pixels);
  if (!reader.errors().truncated) read_appended(in, reader, out);
  if (reader.errors().truncated) {
    out.arrived_percent = reader.errors().arrived_percent;
    if (out.arrived_percent == 0)
      return fail(truncated_input, "less than one row in a hundred arrived");
    out.losses.add(domain::loss::truncated_salvaged);
  } else if (reader.errors().warnings != 0) {
    out.losses.add(domain::loss::damage_salvaged);
  }
  return out;
}

std::uint64_t jpeg_decode_bytes(const image_info& info, std::uint32_t) {
  // Progressive: all coefficients are kept, 2 bytes each; 4:2:0 has half as many again as pixels.
  const std::uint64_t samples = info.yuv420 ? info.pixels() * 3 / 2 : info.pixels() * info.channels;
  const std::uint64_t rows = std::uint64_t{info.width} * info.channels * 64;
  return (info.progressive ? samples * 2 + samples / 8 : 0) + rows;
}

std::uint32_t decode_scale(const image_info& info, std::uint32_t width_min,
                           std::uint32_t height_min) {
  return scale_denominator(info.width, info.height, width_min, height_min);
}

std::string jpeg_library_version() {
  return "libjpeg-turbo " + std::to_string(LIBJPEG_TURBO_VERSION_NUMBER / 1'000'000) + "." +
         std::to_string(LIBJPEG_TURBO_VERSION_NUMBER / 1'000 % 1'000) + "." +
         std::to_string(LIBJPEG_TURBO_VERSION_NUMBER % 1'000);
}

constexpr domain::chroma_subsampling jpeg_chroma_choices[] = {domain::chroma_subsampling::s420,
                                                              domain::chroma_subsampling::s444};

} // namespace

const format_row& jpeg_format() {
  static const format_row row{
      .name = "jpeg",
      .label = "JPEG",
      .aliases = {"jpg"},
      .extension = "jpg",
      .extensions = {"jpg", "jpeg", "jpe", "jfif"},
      .media_type = "image/jpeg",
      .side_pixels_max = limits::jpeg_side_pixels_max,
      .holds_alpha = false,
      .holds_16_bit = false,
      .holds_grey = true,
      .metadata_bytes_max = jpeg_metadata_bytes_max,
      .holds = {.iptc = true, .comment = true, .density = true, .gain_map = true},
      .options = {.quality = {{0, 100}},
                  .effort = {{0, limits::effort_max}},
                  .lossless = domain::lossless_support::never,
                  .chroma = jpeg_chroma_choices,
                  .progressive = "progressive"},
      .limits = {{"jpeg_scans_max", limits::jpeg_scans_max}},
      .sniff = sniff_jpeg,
      .probe = probe_jpeg,
      .decode = decode_jpeg,
      .encode = encode_jpeg,
      .takes_yuv420 =
          [](const domain::output_spec& output) {
            return output.chroma == domain::chroma_subsampling::s420;
          },
      .decode_bytes = jpeg_decode_bytes,
      .encode_bytes = jpeg_encode_bytes,
      .output_bytes = jpeg_output_bytes,
      .is_slow = lossless_or_high_effort,
      .decode_scale = decode_scale,
      .version = jpeg_library_version};
  return row;
}

} // namespace darkroom::codecs
