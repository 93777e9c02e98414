// Pixels to JPEG with libjpeg-turbo. Every call sequence into the library stands in one `noexcept`
// function with only trivial locals: the library leaves it by longjmp.
#include "codecs/jpeg_appended.hpp"
#include "codecs/jpeg_fence.hpp"
#include "codecs/jpeg_format.hpp"
#include "codecs/limits.hpp"
#include "codecs/metadata/exif.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

namespace darkroom::codecs {

namespace {

using enum domain::failure_reason;

// Takes libjpeg's bytes to the sink.
struct sink_destination {
  jpeg_destination_mgr base; // first: libjpeg hands us a pointer to it
  output_sink* sink;
  JOCTET buffer[16 * 1024];
};

void destination_begin(j_compress_ptr info) {
  auto& to = *reinterpret_cast<sink_destination*>(info->dest);
  to.base.next_output_byte = to.buffer;
  to.base.free_in_buffer = sizeof to.buffer;
}

boolean destination_empty(j_compress_ptr info) {
  auto& to = *reinterpret_cast<sink_destination*>(info->dest);
  if (!to.sink->write({to.buffer, sizeof to.buffer})) ERREXIT(info, JERR_FILE_WRITE);
  destination_begin(info);
  return TRUE;
}

void destination_end(j_compress_ptr info) {
  auto& to = *reinterpret_cast<sink_destination*>(info->dest);
  if (!to.sink->write({to.buffer, sizeof to.buffer - to.base.free_in_buffer}))
    ERREXIT(info, JERR_FILE_WRITE);
}

// Passes over the picture, as libjpeg counts them.
struct pass_watch {
  jpeg_progress_mgr base; // first: libjpeg hands us a pointer to it
  progress_meter progress;
};

void on_encode_progress(j_common_ptr common) {
  const auto& watch = *reinterpret_cast<const pass_watch*>(common->progress);
  tell(watch.base, watch.progress);
}

class jpeg_writer {
public:
  jpeg_writer(output_sink& sink, progress_meter progress) {
    install(errors_);
    errors_.warnings_max = limits::jpeg_warnings_tolerant_max;
    destination_.base = {nullptr, 0, destination_begin, destination_empty, destination_end};
    destination_.sink = &sink;
    watch_.base.progress_monitor = on_encode_progress;
    watch_.progress = progress;
  }
  ~jpeg_writer() {
    if (created_) jpeg_destroy_compress(&info_);
  }
  jpeg_writer(const jpeg_writer&) = delete;
  jpeg_writer& operator=(const jpeg_writer&) = delete;

  bool start(const image& pixels, const domain::output_spec& output,
             const metadata& meta) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    info_.err = &errors_.base;
    jpeg_create_compress(&info_);
    created_ = true;
    info_.dest = &destination_.base;
    info_.progress = &watch_.base;
    info_.image_width = pixels.width();
    info_.image_height = pixels.height();
    const bool raw = pixels.layout() == pixel_layout::yuv420;
    info_.input_components = static_cast<int>(pixels.channels());
    info_.in_color_space = pixels.layout() == pixel_layout::grey ? JCS_GRAYSCALE
                           : raw                                 ? JCS_YCbCr
                                                                 : JCS_RGB;
    jpeg_set_defaults(&info_);
    jpeg_set_quality(&info_, output.quality, TRUE);
    info_.raw_data_in = raw ? TRUE : FALSE;
    info_.optimize_coding = output.effort >= 2 ? TRUE : FALSE;
    info_.dct_method = JDCT_ISLOW;
    if (info_.num_components == 3) {
      const int luma = output.chroma == domain::chroma_subsampling::s420 ? 2 : 1;
      info_.comp_info[0].h_samp_factor = luma;
      info_.comp_info[0].v_samp_factor = luma;
    }
    if (output.progressive) jpeg_simple_progression(&info_);
    if (meta.density) set_density(*meta.density);
    jpeg_start_compress(&info_, TRUE);
    return true;
  }

  // Writes one marker: a prefix that names what it is, then the bytes.
  bool write_marker(int marker, const char* prefix, unsigned prefix_size, const std::uint8_t* bytes,
                    unsigned size) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    jpeg_write_m_header(&info_, marker, prefix_size + size);
    for (unsigned i = 0; i < prefix_size; ++i)
      jpeg_write_m_byte(&info_, static_cast<unsigned char>(prefix[i]));
    for (unsigned i = 0; i < size; ++i)
      jpeg_write_m_byte(&info_, bytes[i]);
    return true;
  }

  bool write_icc(const std::uint8_t* profile, unsigned size) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    jpeg_write_icc_profile(&info_, profile, size);
    return true;
  }

  bool write_rows(const std::uint8_t* pixels, std::size_t row_bytes) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    while (info_.next_scanline < info_.image_height) {
      JSAMPROW rows[8];
      const JDIMENSION first = info_.next_scanline;
      const JDIMENSION count = std::min<JDIMENSION>(8, info_.image_height - first);
      for (JDIMENSION i = 0; i < count; ++i)
        rows[i] = const_cast<JSAMPROW>(pixels + (first + i) * row_bytes);
      jpeg_write_scanlines(&info_, rows, count);
    }
    jpeg_finish_compress(&info_);
    return true;
  }

  // Writes 4:2:0 planes. `scratch` as in the decoder: one row of blocks, padded to whole blocks by
  // repeating the last column and row, so that the padding costs no bits.
  bool write_raw(const image& pixels, std::uint8_t* scratch, std::size_t scratch_row) noexcept {
    if (setjmp(errors_.escape) != 0) return false;
    JSAMPROW rows[3][jpeg_raw_rows];
    JSAMPARRAY planes[3] = {rows[0], rows[1], rows[2]};
    std::uint8_t* at = scratch;
    for (int p = 0; p < 3; ++p)
      for (int i = 0; i < (p == 0 ? jpeg_raw_rows : jpeg_raw_rows / 2); ++i, at += scratch_row)
        rows[p][i] = at;
    while (info_.next_scanline < info_.image_height) {
      for (int p = 0; p < 3; ++p) {
        const int count = p == 0 ? jpeg_raw_rows : jpeg_raw_rows / 2;
        const std::uint32_t first = p == 0 ? info_.next_scanline : info_.next_scanline / 2;
        const std::uint32_t width = p == 0 ? pixels.width() : pixels.chroma_width();
        const std::uint32_t height = p == 0 ? pixels.height() : pixels.chroma_height();
        for (int i = 0; i < count; ++i) {
          const std::uint32_t y = std::min(first + static_cast<std::uint32_t>(i), height - 1);
          const std::uint8_t* from = pixels.plane(p) + std::size_t{y} * width;
          std::memcpy(rows[p][i], from, width);
          std::memset(rows[p][i] + width, from[width - 1], scratch_row - width);
        }
      }
      jpeg_write_raw_data(&info_, planes, jpeg_raw_rows);
    }
    jpeg_finish_compress(&info_);
    return true;
  }

  jpeg_errors& errors() { return errors_; }

  // How many bytes were written so far.
  std::uint64_t position() const {
    return destination_.sink->bytes() + sizeof destination_.buffer -
           destination_.base.free_in_buffer;
  }

private:
  void set_density(const pixel_density& density) {
    info_.density_unit = density.metric ? 1 : 0; // an inch; 0: only the ratio counts
    if (density.metric) {
      info_.X_density = to_inch(density.x);
      info_.Y_density = to_inch(density.y);
      return;
    }
    const auto divisor = std::max(density.x, density.y) / 65'535 + 1;
    info_.X_density = static_cast<UINT16>(std::max(density.x / divisor, 1u));
    info_.Y_density = static_cast<UINT16>(std::max(density.y / divisor, 1u));
  }

  static UINT16 to_inch(std::uint32_t per_metre) {
    return static_cast<UINT16>(
        std::min<std::uint64_t>((std::uint64_t{per_metre} * 254 + 5'000) / 10'000, 65'535));
  }

  jpeg_errors errors_{};
  sink_destination destination_{};
  pass_watch watch_{};
  jpeg_compress_struct info_{};
  bool created_ = false;
};

codec_error encode_error(jpeg_writer& writer, const output_sink& out) {
  if (out.error() == EFBIG) return {encode_failed, "the output is larger than allowed"};
  if (out.error() == ENOSPC) return {disk_full, "no room for the output"};
  if (out.error() != 0) return {io_error, "writing the output failed"};
  return error_of(writer.errors(), encode_failed);
}

bool put_marker(jpeg_writer& writer, int marker, std::string_view prefix,
                std::span<const std::uint8_t> bytes) {
  return writer.write_marker(marker, prefix.data(), static_cast<unsigned>(prefix.size()),
                             bytes.data(), static_cast<unsigned>(bytes.size()));
}

// Photoshop's resources are one list, however many markers it takes.
bool put_iptc(jpeg_writer& writer, std::span<const std::uint8_t> resources) {
  constexpr std::size_t piece_bytes = jpeg_marker_bytes_max - jpeg_photoshop_prefix.size();
  for (std::size_t at = 0; at < resources.size(); at += piece_bytes)
    if (!put_marker(writer, JPEG_APP0 + 13, jpeg_photoshop_prefix,
                    resources.subspan(at, std::min(piece_bytes, resources.size() - at))))
      return false;
  return true;
}

bool write_metadata(jpeg_writer& writer, const metadata& meta) {
  const auto put = [&](std::string_view prefix, const byte_vector& bytes) {
    return bytes.empty() || bytes.size() > jpeg_metadata_bytes_max ||
           put_marker(writer, JPEG_APP0 + 1, prefix, bytes);
  };
  const bool ok = put(exif_prefix, meta.exif) && put(jpeg_xmp_prefix, meta.xmp) &&
                  (meta.icc.empty() ||
                   writer.write_icc(meta.icc.data(), static_cast<unsigned>(meta.icc.size()))) &&
                  put_iptc(writer, meta.iptc);
  return ok && std::ranges::all_of(meta.texts, [&](const text_entry& text) {
           const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.text.data());
           return put_marker(writer, JPEG_COM, {},
                             {bytes, std::min(text.text.size(), jpeg_marker_bytes_max)});
         });
}

// Writes what says that a gain map follows. Returns where the list of pictures stands, which is
// written again when their sizes are known; nothing after an error.
std::optional<std::uint64_t> announce_gain_map(jpeg_writer& writer, const gain_map& gain) {
  if (!gain.iso_marker.empty() &&
      !put_marker(writer, JPEG_APP0 + 2, jpeg_gain_map_prefix, gain.iso_marker))
    return std::nullopt;
  constexpr std::size_t marker_head_bytes = 4;
  const auto at = writer.position() + marker_head_bytes + jpeg_mpf_prefix.size();
  if (!put_marker(writer, JPEG_APP0 + 2, jpeg_mpf_prefix, make_picture_list(0, 0, 0)))
    return std::nullopt;
  return at;
}

// Copies the gain map behind the picture and completes the list of pictures at `list_at`.
result<void> append_gain_map(const gain_map& gain, std::uint64_t list_at, output_sink& out) {
  const auto first_bytes = out.bytes();
  const auto piece = std::make_unique<std::uint8_t[]>(limits::stream_buffer_bytes);
  for (std::uint64_t at = 0; at < gain.bytes;) {
    const auto step = static_cast<std::size_t>(
        std::min<std::uint64_t>(gain.bytes - at, limits::stream_buffer_bytes));
    if (gain.source->read_at(gain.offset + at, {piece.get(), step}) != step)
      return fail(io_error, "reading the gain map failed");
    if (!out.write({piece.get(), step})) break;
    at += step;
  }
  const auto list = make_picture_list(static_cast<std::uint32_t>(first_bytes),
                                      static_cast<std::uint32_t>(gain.bytes),
                                      static_cast<std::uint32_t>(first_bytes - list_at));
  if (out.flush()) out.rewrite(list_at, list);
  return {};
}

} // namespace

result<void> encode_jpeg(const encode_request& request, output_sink& out) {
  const auto& pixels = request.pixels;
  const auto& gain = request.meta.gain;
  jpeg_writer writer(out, request.progress);
  bool ok =
      writer.start(pixels, request.output, request.meta) && write_metadata(writer, request.meta);
  std::optional<std::uint64_t> list_at;
  if (ok && gain) {
    list_at = announce_gain_map(writer, *gain);
    ok = list_at.has_value();
  }
  if (ok && pixels.layout() == pixel_layout::yuv420) {
    const std::size_t scratch_row = (std::size_t{pixels.width()} + 31) / 16 * 16;
    byte_vector scratch(scratch_row * jpeg_raw_rows * 2);
    ok = writer.write_raw(pixels, scratch.data(), scratch_row);
  } else if (ok) {
    ok = writer.write_rows(pixels.data(), pixels.row_bytes());
  }
  if (ok && gain)
    if (auto appended = append_gain_map(*gain, *list_at, out); !appended) return appended;
  if (!ok || !out.flush()) return std::unexpected(encode_error(writer, out));
  return {};
}

std::uint64_t jpeg_output_bytes(const domain::output_spec&, std::uint64_t pixels, std::uint64_t) {
  return pixels / 2; // photos were measured at a third of a byte a pixel
}

std::uint64_t jpeg_encode_bytes(const domain::output_spec& output, std::uint32_t width,
                                std::uint32_t height, std::uint32_t channels, std::uint8_t) {
  // Optimised tables and progression keep all coefficients, 2 bytes each.
  const std::uint64_t pixels = std::uint64_t{width} * height;
  const bool keeps_all = output.effort >= 2 || output.progressive;
  const bool subsampled = channels == 3 && output.chroma == domain::chroma_subsampling::s420;
  const std::uint64_t samples = subsampled ? pixels * 3 / 2 : pixels * channels;
  return (keeps_all ? samples * 2 + samples / 8 : 0) + std::uint64_t{width} * channels * 64;
}

} // namespace darkroom::codecs
