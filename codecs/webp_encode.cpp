// Pixels to WebP with libwebp; metadata goes around them with libwebpmux.
#include "base/units.hpp"
#include "codecs/webp_format.hpp"

#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>

namespace darkroom::codecs {

namespace {

using enum domain::failure_reason;

struct picture {
  WebPPicture self;
  picture() { WebPPictureInit(&self); }
  ~picture() { WebPPictureFree(&self); }
  picture(const picture&) = delete;
  picture& operator=(const picture&) = delete;
};

struct memory_writer {
  WebPMemoryWriter self;
  memory_writer() { WebPMemoryWriterInit(&self); }
  ~memory_writer() { WebPMemoryWriterClear(&self); }
  memory_writer(const memory_writer&) = delete;
  memory_writer& operator=(const memory_writer&) = delete;
};

int write_to_sink(const std::uint8_t* data, size_t size, const WebPPicture* picture) {
  return static_cast<output_sink*>(picture->custom_ptr)->write({data, size}) ? 1 : 0;
}

int on_progress(int percent, const WebPPicture* picture) {
  const auto& request = *static_cast<const encode_request*>(picture->user_data);
  request.progress.at(static_cast<unsigned>(percent), 100);
  return 1; // go on
}

// JPEG stores full-range Y, U and V, WebP the studio range of ITU-R BT.601: both have the same
// matrix, so each sample is mapped by itself and nothing is resampled.
using sample_map = std::array<std::uint8_t, 256>;

constexpr sample_map make_map(int centre_in, int centre_out, int span_out) {
  sample_map map{};
  for (int v = 0; v < 256; ++v) {
    const int scaled = (v - centre_in) * span_out * 2;
    map[static_cast<std::size_t>(v)] =
        static_cast<std::uint8_t>(centre_out + (scaled + (scaled < 0 ? -255 : 255)) / 510);
  }
  return map;
}
constexpr sample_map luma_map = make_map(0, 16, 219);
constexpr sample_map chroma_map = make_map(128, 128, 224);
static_assert(luma_map[0] == 16 && luma_map[255] == 235);
static_assert(chroma_map[0] == 16 && chroma_map[128] == 128 && chroma_map[255] == 240);

void map_plane(const std::uint8_t* from, std::uint8_t* to, std::uint32_t width,
               std::uint32_t height, int stride, const sample_map& map) {
  for (std::uint32_t y = 0; y < height; ++y, from += width, to += stride)
    for (std::uint32_t x = 0; x < width; ++x)
      to[x] = map[from[x]];
}

bool import_pixels(const image& pixels, WebPPicture& to) {
  const int stride = static_cast<int>(pixels.row_bytes());
  switch (pixels.layout()) {
  case pixel_layout::rgb:
    return WebPPictureImportRGB(&to, pixels.data(), stride) != 0;
  case pixel_layout::rgba:
    return WebPPictureImportRGBA(&to, pixels.data(), stride) != 0;
  case pixel_layout::yuv420:
    if (WebPPictureAlloc(&to) == 0) return false;
    map_plane(pixels.plane(0), to.y, pixels.width(), pixels.height(), to.y_stride, luma_map);
    map_plane(pixels.plane(1), to.u, pixels.chroma_width(), pixels.chroma_height(), to.uv_stride,
              chroma_map);
    map_plane(pixels.plane(2), to.v, pixels.chroma_width(), pixels.chroma_height(), to.uv_stride,
              chroma_map);
    return true;
  default:
    to.error_code = VP8_ENC_ERROR_INVALID_CONFIGURATION;
    return false;
  }
}

bool configure(WebPConfig& config, const domain::output_spec& output) {
  if (WebPConfigInit(&config) == 0) return false;
  config.quality = output.quality;
  config.method = std::min<int>(output.effort, 6);
  config.thread_level = 0;
  if (output.lossless) {
    config.lossless = 1;
    config.exact = 1; // also the colour of what is transparent
    config.quality = 75;
  }
  return WebPValidateConfig(&config) != 0;
}

codec_error encode_error(const WebPPicture& picture, const output_sink& out) {
  if (out.error() == EFBIG) return {encode_failed, "the output is larger than allowed"};
  if (out.error() == ENOSPC) return {disk_full, "no room for the output"};
  if (out.error() != 0) return {io_error, "writing the output failed"};
  switch (picture.error_code) {
  // The encoder of the alpha plane says nothing of what went wrong; it can only be this.
  case VP8_ENC_OK:
  case VP8_ENC_ERROR_OUT_OF_MEMORY:
  case VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY:
    return {limit_memory, "no memory for the encoder"};
  case VP8_ENC_ERROR_BAD_DIMENSION:
    return {output_dimension_unsupported, "WebP holds at most 16383 pixels a side"};
  default:
    return {encode_failed, "libwebp: error " + std::to_string(picture.error_code)};
  }
}

bool set_chunk(WebPMux* mux, const char* name, const byte_vector& bytes) {
  if (bytes.empty()) return true;
  const WebPData data{bytes.data(), bytes.size()};
  return WebPMuxSetChunk(mux, name, &data, 0) == WEBP_MUX_OK;
}

result<void> write_with_metadata(const WebPMemoryWriter& encoded, const metadata& meta,
                                 output_sink& out) {
  WebPMux* mux = WebPMuxNew();
  if (mux == nullptr) return fail(limit_memory, "no memory for the metadata");
  const WebPData bitstream{encoded.mem, encoded.size};
  WebPData whole{nullptr, 0};
  const bool ok = WebPMuxSetImage(mux, &bitstream, 0) == WEBP_MUX_OK &&
                  set_chunk(mux, "ICCP", meta.icc) && set_chunk(mux, "EXIF", meta.exif) &&
                  set_chunk(mux, "XMP ", meta.xmp) && WebPMuxAssemble(mux, &whole) == WEBP_MUX_OK;
  WebPMuxDelete(mux);
  if (ok) out.write({whole.bytes, whole.size});
  WebPDataClear(&whole);
  if (!ok) return fail(encode_failed, "libwebp could not add the metadata");
  return {};
}

} // namespace

result<void> encode_webp(const encode_request& request, output_sink& out) {
  WebPConfig config;
  if (!configure(config, request.output)) return fail(encode_failed, "libwebp refused the options");
  const image& pixels = request.pixels;
  const metadata& meta = request.meta;
  const bool plain = meta.icc.empty() && meta.exif.empty() && meta.xmp.empty();

  picture to;
  memory_writer encoded;
  to.self.width = static_cast<int>(pixels.width());
  to.self.height = static_cast<int>(pixels.height());
  to.self.use_argb = config.lossless;
  to.self.writer = plain ? write_to_sink : WebPMemoryWrite;
  to.self.progress_hook = on_progress;
  to.self.user_data = const_cast<encode_request*>(&request);
  to.self.custom_ptr = plain ? static_cast<void*>(&out) : &encoded.self;
  if (!import_pixels(pixels, to.self) || WebPEncode(&config, &to.self) == 0)
    return std::unexpected(encode_error(to.self, out));
  if (!plain)
    if (auto ok = write_with_metadata(encoded.self, meta, out); !ok) return ok;
  if (!out.flush()) return std::unexpected(encode_error(to.self, out));
  return {};
}

std::uint64_t webp_output_bytes(const domain::output_spec& output, std::uint64_t pixels,
                                std::uint64_t picture_bytes) {
  // Photos were measured at half to three quarters of their pixels when lossless, and at a third
  // of a byte a pixel when lossy.
  return output.lossless ? picture_bytes * 3 / 4 : pixels / 2;
}

namespace {

// Peak of a lossless encode, measured with libwebp 1.2.4 with noise, photos and drawings of 8 to
// 1,632 pixels a side: the picture with its transforms and references, and the histograms of its
// tiles. There are at most 2,600 tiles; higher efforts begin with smaller ones.
std::uint64_t lossless_bytes(std::uint8_t effort, std::uint64_t pixels) {
  constexpr std::uint64_t histogram_bytes_max = 34 * limits::MiB;
  const std::uint64_t picture = pixels * (effort == 5 ? 46 : effort >= 2 ? 40 : 26);
  const std::uint64_t histograms = pixels * (effort >= 5   ? 760
                                             : effort == 4 ? 220
                                             : effort == 3 ? 100
                                                           : 0);
  return picture + std::min(histograms, histogram_bytes_max) + 2 * limits::MiB;
}

} // namespace

std::uint64_t webp_encode_bytes(const domain::output_spec& output, std::uint32_t width,
                                std::uint32_t height, std::uint32_t channels, std::uint8_t) {
  const std::uint64_t pixels = std::uint64_t{width} * height;
  if (output.lossless) return lossless_bytes(output.effort, pixels);
  // Measured with libwebp 1.2.4, the picture and the encoder's own: up to 2.9 bytes a pixel, an
  // alpha plane up to 18 more (at effort 6).
  const std::uint64_t alpha = channels == 4 ? pixels * 18 : 0;
  return pixels * 32 / 10 + alpha + 3 * limits::MiB;
}

} // namespace darkroom::codecs
