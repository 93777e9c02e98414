#include "codecs/host/protocol.hpp"

#include "domain/limits.hpp"

#include <algorithm>
#include <cstring>

namespace darkroom::codecs::host {

template<std::size_t N>
void wire_text<N>::set(std::string_view text) {
  bytes.fill(0);
  std::copy_n(text.data(), std::min(text.size(), N - 1), bytes.data());
}

template<std::size_t N>
std::string_view wire_text<N>::get() const {
  return {bytes.data(), strnlen(bytes.data(), N)};
}

template struct wire_text<16>;
template struct wire_text<limits::detail_bytes_max>;

wire_spec to_wire(const domain::conversion_spec& spec) {
  wire_spec wire{};
  wire.output_count =
      static_cast<std::uint32_t>(std::min<std::size_t>(spec.outputs.size(), limits::outputs_max));
  wire.fail_on = spec.fail_on.bits;
  wire.orient = static_cast<std::uint8_t>(spec.orient);
  wire.metadata = static_cast<std::uint8_t>(spec.metadata);
  wire.icc = static_cast<std::uint8_t>(spec.icc);
  wire.animation = static_cast<std::uint8_t>(spec.animation);
  wire.strict = static_cast<std::uint8_t>(spec.strict);
  wire.red = spec.background.red;
  wire.green = spec.background.green;
  wire.blue = spec.background.blue;
  for (std::uint32_t i = 0; i < wire.output_count; ++i) {
    const auto& from = spec.outputs[i];
    auto& to = wire.outputs[i];
    to.format.set(from.format);
    to.quality = from.quality;
    to.lossless = from.lossless;
    to.effort = from.effort;
    to.chroma = static_cast<std::uint8_t>(from.chroma);
    to.progressive = from.progressive;
    if (!from.resize) continue;
    to.width = from.resize->width;
    to.height = from.resize->height;
    to.mode = static_cast<std::uint8_t>(from.resize->mode);
    to.upscale = from.resize->upscale;
  }
  return wire;
}

domain::conversion_spec from_wire(const wire_spec& wire) {
  domain::conversion_spec spec;
  spec.fail_on.bits = wire.fail_on;
  spec.orient = static_cast<domain::orient_policy>(wire.orient);
  spec.metadata = static_cast<domain::metadata_policy>(wire.metadata);
  spec.icc = static_cast<domain::icc_policy>(wire.icc);
  spec.animation = static_cast<domain::animation_policy>(wire.animation);
  spec.strict = static_cast<domain::strictness>(wire.strict);
  spec.background = {wire.red, wire.green, wire.blue};
  for (std::uint32_t i = 0; i < std::min(wire.output_count, limits::outputs_max); ++i) {
    const auto& from = wire.outputs[i];
    domain::output_spec to;
    to.format = from.format.get();
    to.quality = from.quality;
    to.lossless = from.lossless != 0;
    to.effort = from.effort;
    to.chroma = static_cast<domain::chroma_subsampling>(from.chroma);
    to.progressive = from.progressive != 0;
    if (from.width != 0 || from.height != 0)
      to.resize = domain::resize_spec{
          from.width, from.height, static_cast<domain::resize_mode>(from.mode), from.upscale != 0};
    spec.outputs.push_back(std::move(to));
  }
  return spec;
}

wire_info to_wire(const image_info& info) {
  wire_info wire{};
  wire.format.set(info.format);
  wire.width = info.width;
  wire.height = info.height;
  wire.frames = info.frames;
  wire.icc_bytes = info.icc_bytes;
  wire.exif_bytes = info.exif_bytes;
  wire.xmp_bytes = info.xmp_bytes;
  wire.channels = info.channels;
  wire.depth = info.depth;
  wire.orientation = info.orientation;
  wire.alpha = info.alpha;
  wire.progressive = info.progressive;
  wire.lossless = info.lossless;
  wire.cmyk = info.cmyk;
  wire.yuv420 = info.yuv420;
  return wire;
}

std::optional<image_info> from_wire(const wire_info& wire) {
  const auto* format = find_format(wire.format.get());
  const bool sane = format != nullptr && wire.width > 0 && wire.height > 0 && wire.frames > 0 &&
                    wire.channels >= 1 && wire.channels <= 4 &&
                    (wire.depth == 8 || wire.depth == 16) && wire.orientation >= 1 &&
                    wire.orientation <= 8;
  if (!sane) return std::nullopt;
  return image_info{.format = format->name,
                    .width = wire.width,
                    .height = wire.height,
                    .channels = wire.channels,
                    .depth = wire.depth,
                    .orientation = wire.orientation,
                    .frames = wire.frames,
                    .alpha = wire.alpha != 0,
                    .progressive = wire.progressive != 0,
                    .lossless = wire.lossless != 0,
                    .cmyk = wire.cmyk != 0,
                    .yuv420 = wire.yuv420 != 0,
                    .icc_bytes = wire.icc_bytes,
                    .exif_bytes = wire.exif_bytes,
                    .xmp_bytes = wire.xmp_bytes};
}

} // namespace darkroom::codecs::host
