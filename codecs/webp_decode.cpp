// WebP to pixels with libwebp, and what its RIFF container holds beside them.
#include "base/byte_order.hpp"
#include "base/units.hpp"
#include "codecs/limits.hpp"
#include "codecs/metadata/exif.hpp"
#include "codecs/webp_format.hpp"
#include "config/limits.hpp"

#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace darkroom::codecs {

namespace {

using enum domain::failure_reason;

bool sniff_webp(std::span<const std::uint8_t> head) {
  return head.size() >= 12 && std::memcmp(head.data(), "RIFF", 4) == 0 &&
         std::memcmp(head.data() + 8, "WEBP", 4) == 0;
}

result<WebPBitstreamFeatures> features_of(std::span<const std::uint8_t> data) {
  WebPBitstreamFeatures features;
  switch (WebPGetFeatures(data.data(), data.size(), &features)) {
  case VP8_STATUS_OK:
    return features;
  case VP8_STATUS_NOT_ENOUGH_DATA:
    return fail(truncated_input, "the header ends too early");
  case VP8_STATUS_UNSUPPORTED_FEATURE:
    return fail(unsupported_format, "an unknown kind of WebP");
  default:
    return fail(corrupt_input, "the WebP header is damaged");
  }
}

bool skip(input_stream& in, std::uint64_t bytes) {
  std::uint8_t waste[4096];
  while (bytes > 0) {
    const auto step = std::min<std::uint64_t>(bytes, sizeof waste);
    if (in.read({waste, static_cast<std::size_t>(step)}) != step) return false;
    bytes -= step;
  }
  return true;
}

// Walks the chunks of the container, keeping only what a header is for; pixel data is passed over,
// so that probing costs the same memory whatever the size of the file.
void read_chunks(input_stream& in, image_info& info) {
  std::uint8_t head[12];
  if (in.read(head) != sizeof head) return;
  std::uint32_t frames = 0;
  std::uint8_t chunk[8];
  while (in.read(chunk) == sizeof chunk) {
    const std::string_view name{reinterpret_cast<const char*>(chunk), 4};
    const std::uint64_t size = base::read_u32_le(chunk + 4);
    const std::uint64_t padded = size + (size & 1);
    if (name == "ANMF") frames += 1;
    const bool fits = size <= limits::metadata_bytes_max;
    if (name == "ICCP" && fits) info.icc_bytes = static_cast<std::uint32_t>(size);
    if (name == "XMP " && fits) info.xmp_bytes = static_cast<std::uint32_t>(size);
    if (name == "EXIF" && fits) {
      byte_vector exif(static_cast<std::size_t>(padded));
      exif.resize(in.read(exif));
      info.exif_bytes = static_cast<std::uint32_t>(exif.size());
      info.orientation = exif_orientation(without_exif_prefix(exif));
    } else if (!skip(in, padded)) {
      break;
    }
  }
  if (frames != 0) info.frames = frames;
}

struct demuxer {
  WebPDemuxer* self;
  explicit demuxer(const WebPData& data) : self(WebPDemuxPartial(&data, nullptr)) {}
  ~demuxer() { WebPDemuxDelete(self); }
  demuxer(const demuxer&) = delete;
  demuxer& operator=(const demuxer&) = delete;

  // Empty where there is none; `too_large` is declared for one that may not be kept.
  byte_vector chunk(const char* name, domain::loss too_large, domain::loss_set& losses) const {
    WebPChunkIterator at;
    byte_vector bytes;
    if (self == nullptr || WebPDemuxGetChunk(self, name, 1, &at) == 0) return bytes;
    if (at.chunk.size <= limits::metadata_bytes_max)
      bytes.assign(at.chunk.bytes, at.chunk.bytes + at.chunk.size);
    else
      losses.add(too_large);
    WebPDemuxReleaseChunkIterator(&at);
    return bytes;
  }
};

// EXIF and XMP also where the header does not announce them, as other readers find them. Declares
// what the container holds that is not kept.
void read_metadata_chunks(std::span<const std::uint8_t> data, metadata& meta,
                          domain::loss_set& losses) {
  constexpr std::string_view known[] = {"VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP"};
  const auto take = [&](byte_vector& to, std::span<const std::uint8_t> bytes, domain::loss lost) {
    if (to.empty() && bytes.size() <= limits::metadata_bytes_max)
      to.assign(bytes.begin(), bytes.end());
    else
      losses.add(lost);
  };
  const auto end = std::min<std::uint64_t>(data.size(), 8ull + base::read_u32_le(&data[4]));
  if (std::any_of(data.begin() + static_cast<std::ptrdiff_t>(end), data.end(),
                  [](std::uint8_t b) { return b != 0 && b != '\n' && b != '\r'; }))
    losses.add(domain::loss::other_metadata_dropped); // behind the container
  data = data.first(static_cast<std::size_t>(end));
  for (std::size_t at = 12; at + 8 <= data.size();) {
    const std::string_view name{reinterpret_cast<const char*>(&data[at]), 4};
    const std::uint64_t size = base::read_u32_le(&data[at + 4]);
    if (size > data.size() - at - 8) return;
    const auto bytes = data.subspan(at + 8, static_cast<std::size_t>(size));
    if (name == "EXIF")
      take(meta.exif, without_exif_prefix(bytes), domain::loss::exif_dropped);
    else if (name == "XMP ")
      take(meta.xmp, bytes, domain::loss::xmp_dropped);
    else if (name == "C2PA")
      losses.add(domain::loss::c2pa_dropped);
    else if (std::ranges::find(known, name) == std::end(known))
      losses.add(domain::loss::other_metadata_dropped);
    at += 8 + static_cast<std::size_t>(size + (size & 1));
  }
}

metadata metadata_of(std::span<const std::uint8_t> data, std::uint32_t& frames,
                     domain::loss_set& losses) {
  const WebPData whole{data.data(), data.size()};
  const demuxer container(whole);
  metadata meta;
  meta.icc = container.chunk("ICCP", domain::loss::icc_dropped, losses);
  read_metadata_chunks(data, meta, losses);
  if (container.self != nullptr) frames = WebPDemuxGetI(container.self, WEBP_FF_FRAME_COUNT);
  return meta;
}

codec_error error_of(VP8StatusCode status) {
  switch (status) {
  case VP8_STATUS_OUT_OF_MEMORY:
    return {limit_memory, "no memory for the decoder"};
  case VP8_STATUS_NOT_ENOUGH_DATA:
  case VP8_STATUS_SUSPENDED:
    return {truncated_input, "the image data ends too early"};
  case VP8_STATUS_UNSUPPORTED_FEATURE:
    return {unsupported_format, "an unknown kind of WebP"};
  default:
    return {corrupt_input, "the image data is damaged"};
  }
}

void aim_at(WebPDecBuffer& buffer, image& pixels) {
  buffer.colorspace = has_alpha(pixels.layout()) ? MODE_RGBA : MODE_RGB;
  buffer.is_external_memory = 1;
  buffer.u.RGBA.rgba = pixels.data();
  buffer.u.RGBA.stride = static_cast<int>(pixels.row_bytes());
  buffer.u.RGBA.size = pixels.bytes();
}

// Decodes as many rows as there are, and returns how many percent of all they are.
std::uint8_t salvage(std::span<const std::uint8_t> data, image& pixels) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) return 0;
  pixels.clear();
  aim_at(config.output, pixels);
  WebPIDecoder* decoder = WebPIDecode(nullptr, 0, &config);
  if (decoder == nullptr) return 0;
  WebPIAppend(decoder, data.data(), data.size());
  int last_row = 0, width = 0, height = 0, stride = 0;
  const bool any =
      WebPIDecGetRGB(decoder, &last_row, &width, &height, &stride) != nullptr && last_row > 0;
  WebPIDelete(decoder);
  return any ? static_cast<std::uint8_t>(std::uint64_t{100} * static_cast<unsigned>(last_row) /
                                         pixels.height())
             : 0;
}

result<void> decode_still(std::span<const std::uint8_t> data, bool strict, decoded_image& out) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) return fail(internal, "libwebp has another version");
  aim_at(config.output, out.pixels);
  const auto status = WebPDecode(data.data(), data.size(), &config);
  if (status == VP8_STATUS_OK) return {};
  const auto error = error_of(status);
  if (error.reason != truncated_input || strict) return std::unexpected(error);
  out.arrived_percent = salvage(data, out.pixels);
  if (out.arrived_percent == 0) return std::unexpected(error);
  out.losses.add(domain::loss::truncated_salvaged);
  return {};
}

result<void> decode_first_frame(std::span<const std::uint8_t> data, image& pixels) {
  WebPAnimDecoderOptions options;
  if (WebPAnimDecoderOptionsInit(&options) == 0)
    return fail(internal, "libwebp has another version");
  options.color_mode = MODE_RGBA;
  options.use_threads = 0;
  const WebPData whole{data.data(), data.size()};
  WebPAnimDecoder* decoder = WebPAnimDecoderNew(&whole, &options);
  if (decoder == nullptr) return fail(corrupt_input, "the animation is damaged");
  std::uint8_t* canvas = nullptr;
  int shown_at_ms = 0;
  const bool ok = WebPAnimDecoderGetNext(decoder, &canvas, &shown_at_ms) != 0;
  if (ok) std::memcpy(pixels.data(), canvas, pixels.bytes());
  WebPAnimDecoderDelete(decoder);
  if (!ok) return fail(corrupt_input, "the first frame is damaged");
  return {};
}

image_info info_of(const WebPBitstreamFeatures& features) {
  image_info info;
  info.format = "webp";
  info.width = static_cast<std::uint32_t>(features.width);
  info.height = static_cast<std::uint32_t>(features.height);
  info.alpha = features.has_alpha != 0;
  info.channels = info.alpha ? 4 : 3;
  info.lossless = features.format == 2;
  return info;
}

result<image_info> probe_webp(input_stream& in, const input_limits&) {
  const auto features = features_of(in.peek());
  if (!features) return std::unexpected(features.error());
  auto info = info_of(*features);
  // The end is not needed to refuse an image by its size.
  if (info.pixels() <= limits::image_pixels_ceiling) read_chunks(in, info);
  if (features->has_animation != 0) info.frames = std::max(info.frames, 2u);
  return info;
}

result<decoded_image> decode_webp(input_stream& in, const decode_options& options,
                                  const decode_planner& plan) {
  byte_vector data(static_cast<std::size_t>(in.size()));
  data.resize(in.read(data));
  const auto features = features_of(data);
  if (!features) return std::unexpected(features.error());
  const bool animated = features->has_animation != 0;

  decoded_image out;
  auto info = info_of(*features);
  out.meta = metadata_of(data, info.frames, out.losses);
  out.orientation = exif_orientation(out.meta.exif);
  info.orientation = out.orientation;
  info.icc_bytes = static_cast<std::uint32_t>(out.meta.icc.size());
  info.exif_bytes = static_cast<std::uint32_t>(out.meta.exif.size());
  info.xmp_bytes = static_cast<std::uint32_t>(out.meta.xmp.size());
  if (animated) info.frames = std::max(info.frames, 2u);
  if (const auto way = plan(info); !way) return std::unexpected(way.error());

  const auto layout = animated || info.alpha ? pixel_layout::rgba : pixel_layout::rgb;
  auto pixels = image::make(layout, info.width, info.height, 8);
  if (!pixels) return std::unexpected(pixels.error());
  out.pixels = std::move(*pixels);
  if (animated) out.losses.add(domain::loss::animation_dropped);
  if (auto ok =
          animated ? decode_first_frame(data, out.pixels) : decode_still(data, options.strict, out);
      !ok)
    return std::unexpected(ok.error());
  return out;
}

std::uint64_t webp_decode_bytes(const image_info& info, std::uint32_t) {
  const std::uint64_t pixels = info.pixels();
  // An animation has two canvases and a frame; lossless decodes to 4 bytes a pixel first.
  if (info.frames > 1) return pixels * 16;
  return (info.lossless ? pixels * 4
          : info.alpha  ? pixels * 2
                        : 0) +
         info.width * 64ull + limits::MiB;
}

std::string webp_library_version() {
  const int v = WebPGetDecoderVersion();
  return "libwebp " + std::to_string(v >> 16) + "." + std::to_string(v >> 8 & 255) + "." +
         std::to_string(v & 255);
}

} // namespace

const format_row& webp_format() {
  static const format_row row{
      .name = "webp",
      .label = "WebP",
      .extension = "webp",
      .extensions = {"webp"},
      .media_type = "image/webp",
      .side_pixels_max = limits::webp_side_pixels_max,
      .holds_alpha = true,
      .holds_16_bit = false,
      .holds_grey = false,
      .options = {.quality = {{0, 100}},
                  .effort = {{0, limits::effort_max}},
                  .lossless = domain::lossless_support::optional},
      .preview = domain::output_spec{.format = "webp", .quality = 75, .effort = 2},
      .sniff = sniff_webp,
      .probe = probe_webp,
      .decode = decode_webp,
      .encode = encode_webp,
      .takes_yuv420 = [](const domain::output_spec& output) { return !output.lossless; },
      .decode_needs_whole_input = true,
      .decode_bytes = webp_decode_bytes,
      .encode_bytes = webp_encode_bytes,
      .output_bytes = webp_output_bytes,
      .is_slow = lossless_or_high_effort,
      .decode_scale = [](const image_info&, std::uint32_t, std::uint32_t) { return 1u; },
      .version = webp_library_version};
  return row;
}

} // namespace darkroom::codecs
