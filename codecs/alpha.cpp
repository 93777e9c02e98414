#include "codecs/alpha.hpp"

namespace darkroom::codecs {

namespace {

template<class Sample>
constexpr std::uint32_t sample_max = sizeof(Sample) == 1 ? 255 : 65'535;

template<class Sample>
const Sample* row_of(const image& pixels, std::uint32_t y) {
  return reinterpret_cast<const Sample*>(pixels.row(y));
}
template<class Sample>
Sample* row_of(image& pixels, std::uint32_t y) {
  return reinterpret_cast<Sample*>(pixels.row(y));
}

template<class Sample>
bool flatten_rows(const image& from, image& to, domain::rgb_colour background) {
  constexpr std::uint64_t top = sample_max<Sample>;
  const std::uint64_t scale = top / 255;
  const std::uint64_t paper[3] = {background.red * scale, background.green * scale,
                                  background.blue * scale};
  const std::uint32_t colours = is_grey(from.layout()) ? 1 : 3;
  bool transparent = false;
  for (std::uint32_t y = 0; y < from.height(); ++y) {
    const auto* in = row_of<Sample>(from, y);
    auto* out = row_of<Sample>(to, y);
    for (std::uint32_t x = 0; x < from.width(); ++x, in += colours + 1, out += colours) {
      const std::uint64_t alpha = in[colours];
      transparent |= alpha != top;
      for (std::uint32_t c = 0; c < colours; ++c)
        out[c] = static_cast<Sample>((in[c] * alpha + paper[c] * (top - alpha) + top / 2) / top);
    }
  }
  return transparent;
}

template<class Sample>
void expand_rows(const image& from, image& to) {
  const bool alpha = has_alpha(from.layout());
  for (std::uint32_t y = 0; y < from.height(); ++y) {
    const auto* in = row_of<Sample>(from, y);
    auto* out = row_of<Sample>(to, y);
    for (std::uint32_t x = 0; x < from.width(); ++x) {
      out[0] = out[1] = out[2] = in[0];
      if (alpha) out[3] = in[1];
      in += from.channels();
      out += to.channels();
    }
  }
}

} // namespace

result<image> flatten(const image& pixels, domain::rgb_colour background, bool* was_transparent) {
  const bool grey_paper = background.red == background.green && background.green == background.blue;
  if (is_grey(pixels.layout()) && !grey_paper) {
    auto colour = expand_grey(pixels);
    return colour ? flatten(*colour, background, was_transparent) : std::move(colour);
  }
  auto out = image::make(is_grey(pixels.layout()) ? pixel_layout::grey : pixel_layout::rgb,
                         pixels.width(), pixels.height(), pixels.depth());
  if (!out) return out;
  *was_transparent = pixels.depth() == 8 ? flatten_rows<std::uint8_t>(pixels, *out, background)
                                         : flatten_rows<std::uint16_t>(pixels, *out, background);
  return out;
}

result<image> reduce_depth(const image& pixels) {
  auto out = image::make(pixels.layout(), pixels.width(), pixels.height(), 8);
  if (!out) return out;
  const auto* in = reinterpret_cast<const std::uint16_t*>(pixels.data());
  for (std::size_t i = 0; i < out->bytes(); ++i)
    out->data()[i] = static_cast<std::uint8_t>((in[i] * 255u + 32'767u) / 65'535u);
  return out;
}

result<image> expand_grey(const image& pixels) {
  const auto layout = has_alpha(pixels.layout()) ? pixel_layout::rgba : pixel_layout::rgb;
  auto out = image::make(layout, pixels.width(), pixels.height(), pixels.depth());
  if (!out) return out;
  if (pixels.depth() == 8)
    expand_rows<std::uint8_t>(pixels, *out);
  else
    expand_rows<std::uint16_t>(pixels, *out);
  return out;
}

} // namespace darkroom::codecs
