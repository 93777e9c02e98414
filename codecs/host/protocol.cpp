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
