#include "codecs/resize.hpp"

#include "base/units.hpp"

#include <zimg.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace darkroom::codecs {

namespace {

constexpr std::size_t zimg_align_bytes = 64; // rows and buffers, for its widest vectors

struct free_memory {
  void operator()(void* p) const { std::free(p); }
};
struct free_graph {
  void operator()(zimg_filter_graph* g) const { zimg_filter_graph_free(g); }
};

std::size_t aligned(std::size_t bytes) {
  return (bytes + zimg_align_bytes - 1) / zimg_align_bytes * zimg_align_bytes;
}

// One channel by itself, its rows aligned.
struct plane {
  std::uint32_t width = 0, height = 0;
  std::size_t stride = 0; // bytes
  std::unique_ptr<std::uint8_t, free_memory> data;

  static result<plane> make(std::uint32_t width, std::uint32_t height, std::size_t sample_bytes) {
    plane p;
    p.width = width;
    p.height = height;
    p.stride = aligned(width * sample_bytes);
    p.data.reset(
        static_cast<std::uint8_t*>(std::aligned_alloc(zimg_align_bytes, p.stride * height)));
    if (!p.data) return fail(domain::failure_reason::limit_memory, "no memory to resize");
    return p;
  }
  template<class Sample>
  Sample* row(std::uint32_t y) {
    return reinterpret_cast<Sample*>(data.get() + y * stride);
  }
  template<class Sample>
  const Sample* row(std::uint32_t y) const {
    return reinterpret_cast<const Sample*>(data.get() + y * stride);
  }
};

// The part of a plane that is used, in its own pixels.
struct region {
  double left, top, width, height;
};

zimg_image_format plane_format(std::uint32_t width, std::uint32_t height, bool words) {
  zimg_image_format format;
  zimg_image_format_default(&format, ZIMG_API_VERSION);
  format.width = width;
  format.height = height;
  format.pixel_type = words ? ZIMG_PIXEL_WORD : ZIMG_PIXEL_BYTE;
  format.depth = words ? 16 : 8;
  format.color_family = ZIMG_COLOR_GREY;
  format.pixel_range = ZIMG_RANGE_FULL;
  return format;
}

// A graph serves every plane of the same size, kind and region.
class plane_resizer {
public:
  static result<plane_resizer> make(std::uint32_t from_width, std::uint32_t from_height,
                                    std::uint32_t to_width, std::uint32_t to_height,
                                    const region& used, bool words) {
    auto from = plane_format(from_width, from_height, words);
    from.active_region = {used.left, used.top, used.width, used.height};
    const auto to = plane_format(to_width, to_height, words);
    zimg_graph_builder_params params;
    zimg_graph_builder_params_default(&params, ZIMG_API_VERSION);
    params.resample_filter = ZIMG_RESIZE_LANCZOS;
    params.filter_param_a = 3;
    params.resample_filter_uv = ZIMG_RESIZE_LANCZOS;
    params.filter_param_a_uv = 3;
    // Not ZIMG_CPU_AUTO_64B: zimg 3.0.4 of Debian 12 resizes rows wrongly with AVX-512: at about
    // one in a hundred sizes, every 16th column is taken from up to 15 pixels beside.
    params.cpu_type = ZIMG_CPU_AUTO;
    plane_resizer made;
    made.graph_.reset(zimg_filter_graph_build(&from, &to, &params));
    if (!made.graph_) return error();
    std::size_t size = 0;
    if (zimg_filter_graph_get_tmp_size(made.graph_.get(), &size) != ZIMG_ERROR_SUCCESS)
      return error();
    made.scratch_.reset(
        std::aligned_alloc(zimg_align_bytes, aligned(std::max<std::size_t>(size, 1))));
    if (!made.scratch_) return fail(domain::failure_reason::limit_memory, "no memory to resize");
    return made;
  }

  result<void> run(const plane& from, plane& to) const {
    zimg_image_buffer_const in{ZIMG_API_VERSION, {}};
    zimg_image_buffer out{ZIMG_API_VERSION, {}};
    in.plane[0] = {from.data.get(), static_cast<std::ptrdiff_t>(from.stride), ZIMG_BUFFER_MAX};
    out.plane[0] = {to.data.get(), static_cast<std::ptrdiff_t>(to.stride), ZIMG_BUFFER_MAX};
    if (zimg_filter_graph_process(graph_.get(), &in, &out, scratch_.get(), nullptr, nullptr,
                                  nullptr, nullptr) != ZIMG_ERROR_SUCCESS)
      return error();
    return {};
  }

private:
  static std::unexpected<codec_error> error() {
    char text[160] = "";
    const auto code = zimg_get_last_error(text, sizeof text);
    const auto reason = code == ZIMG_ERROR_OUT_OF_MEMORY ? domain::failure_reason::limit_memory
                                                         : domain::failure_reason::internal;
    return fail(reason, std::string{"resize: "} + text);
  }
  std::unique_ptr<zimg_filter_graph, free_graph> graph_;
  std::unique_ptr<void, free_memory> scratch_;
};

region region_of(const resize_plan& plan, double width, double height) {
  return {plan.left * width, plan.top * height, plan.width * width, plan.height * height};
}

template<class Sample>
void split(const image& from, std::uint32_t channel, plane& to) {
  const std::uint32_t channels = from.channels();
  for (std::uint32_t y = 0; y < from.height(); ++y) {
    const auto* in = reinterpret_cast<const Sample*>(from.row(y)) + channel;
    auto* out = to.row<Sample>(y);
    for (std::uint32_t x = 0; x < from.width(); ++x)
      out[x] = in[std::size_t{x} * channels];
  }
}

template<class Sample>
void join(const plane& from, std::uint32_t channel, image& to) {
  const std::uint32_t channels = to.channels();
  for (std::uint32_t y = 0; y < to.height(); ++y) {
    const auto* in = from.row<Sample>(y);
    auto* out = reinterpret_cast<Sample*>(to.row(y)) + channel;
    for (std::uint32_t x = 0; x < to.width(); ++x)
      out[std::size_t{x} * channels] = in[x];
  }
}

// Colour times alpha, each from 0 to its greatest value, as 16 bits; rounded to the nearest.
std::uint16_t premultiplied(std::uint8_t colour, std::uint8_t alpha) {
  // In 32 bits, which compilers make vectors of: colour · alpha · 65535 / 255².
  const std::uint32_t product = std::uint32_t{colour} * alpha;
  return static_cast<std::uint16_t>(product + (2 * product + 127) / 255);
}
std::uint16_t premultiplied(std::uint16_t colour, std::uint16_t alpha) {
  return static_cast<std::uint16_t>((std::uint64_t{colour} * alpha + 32'767) / 65'535);
}

// A colour channel times alpha, or alpha itself, widened to 16 bits.
template<class Sample, std::uint32_t Channels>
void split_premultiplied(const image& from, std::uint32_t channel, plane& to) {
  constexpr std::uint32_t widen = sizeof(Sample) == 1 ? 257 : 1;
  constexpr std::uint32_t alpha_at = Channels - 1;
  for (std::uint32_t y = 0; y < from.height(); ++y) {
    const auto* in = reinterpret_cast<const Sample*>(from.row(y));
    auto* out = to.row<std::uint16_t>(y);
    const std::uint32_t width = from.width();
    if (channel == alpha_at)
      for (std::uint32_t x = 0; x < width; ++x)
        out[x] = static_cast<std::uint16_t>(in[x * std::size_t{Channels} + alpha_at] * widen);
    else
      for (std::uint32_t x = 0; x < width; ++x)
        out[x] = premultiplied(in[x * std::size_t{Channels} + channel],
                               in[x * std::size_t{Channels} + alpha_at]);
  }
}

template<class Sample>
void split_premultiplied(const image& from, std::uint32_t channel, plane& to) {
  if (from.channels() == 4)
    split_premultiplied<Sample, 4>(from, channel, to);
  else
    split_premultiplied<Sample, 2>(from, channel, to);
}

template<class Sample>
void join_premultiplied(const plane& from, const plane& alpha, std::uint32_t channel, image& to) {
  constexpr std::uint64_t top = sizeof(Sample) == 1 ? 255 : 65'535;
  const std::uint32_t channels = to.channels();
  const bool is_alpha = channel == channels - 1;
  for (std::uint32_t y = 0; y < to.height(); ++y) {
    const auto* in = from.row<std::uint16_t>(y);
    const auto* cover = alpha.row<std::uint16_t>(y);
    auto* out = reinterpret_cast<Sample*>(to.row(y)) + channel;
    for (std::uint32_t x = 0; x < to.width(); ++x) {
      const std::uint64_t whole = is_alpha ? 65'535 : cover[x];
      const std::uint64_t value = whole == 0 ? 0 : (in[x] * top + whole / 2) / whole;
      out[std::size_t{x} * channels] = static_cast<Sample>(std::min(value, top));
    }
  }
}

template<class Sample>
result<void> resize_opaque(const image& from, image& to, const resize_plan& plan) {
  auto source = plane::make(from.width(), from.height(), sizeof(Sample));
  auto target = plane::make(to.width(), to.height(), sizeof(Sample));
  auto resizer =
      plane_resizer::make(from.width(), from.height(), to.width(), to.height(),
                          region_of(plan, from.width(), from.height()), sizeof(Sample) == 2);
  if (!source) return std::unexpected(source.error());
  if (!target) return std::unexpected(target.error());
  if (!resizer) return std::unexpected(resizer.error());
  for (std::uint32_t c = 0; c < from.channels(); ++c) {
    split<Sample>(from, c, *source);
    if (auto ok = resizer->run(*source, *target); !ok) return ok;
    join<Sample>(*target, c, to);
  }
  return {};
}

template<class Sample>
result<void> resize_with_alpha(const image& from, image& to, const resize_plan& plan) {
  auto source = plane::make(from.width(), from.height(), 2);
  auto target = plane::make(to.width(), to.height(), 2);
  auto alpha = plane::make(to.width(), to.height(), 2);
  auto resizer = plane_resizer::make(from.width(), from.height(), to.width(), to.height(),
                                     region_of(plan, from.width(), from.height()), true);
  if (!source) return std::unexpected(source.error());
  if (!target) return std::unexpected(target.error());
  if (!alpha) return std::unexpected(alpha.error());
  if (!resizer) return std::unexpected(resizer.error());
  const std::uint32_t alpha_at = from.channels() - 1;
  split_premultiplied<Sample>(from, alpha_at, *source);
  if (auto ok = resizer->run(*source, *alpha); !ok) return ok;
  join_premultiplied<Sample>(*alpha, *alpha, alpha_at, to);
  for (std::uint32_t c = 0; c < alpha_at; ++c) {
    split_premultiplied<Sample>(from, c, *source);
    if (auto ok = resizer->run(*source, *target); !ok) return ok;
    join_premultiplied<Sample>(*target, *alpha, c, to);
  }
  return {};
}

// Chroma is half as large, rounded up: an odd picture's last chroma sample lies half outside of it.
// The planes are scaled by the pictures' sizes, not by their own, or chroma would shift against
// luma towards the right and lower edge.
result<void> resize_yuv(const image& from, image& to, const resize_plan& plan) {
  for (int p = 0; p < 3; ++p) {
    const std::uint32_t from_width = p == 0 ? from.width() : from.chroma_width();
    const std::uint32_t from_height = p == 0 ? from.height() : from.chroma_height();
    const std::uint32_t to_width = p == 0 ? to.width() : to.chroma_width();
    const std::uint32_t to_height = p == 0 ? to.height() : to.chroma_height();
    const double half = p == 0 ? 1 : 2;
    auto source = plane::make(from_width, from_height, 1);
    auto target = plane::make(to_width, to_height, 1);
    auto used = region_of(plan, from.width() / half, from.height() / half);
    used.width *= to_width / (to.width() / half);
    used.height *= to_height / (to.height() / half);
    auto resizer = plane_resizer::make(from_width, from_height, to_width, to_height, used, false);
    if (!source) return std::unexpected(source.error());
    if (!target) return std::unexpected(target.error());
    if (!resizer) return std::unexpected(resizer.error());
    for (std::uint32_t y = 0; y < from_height; ++y)
      std::memcpy(source->row<std::uint8_t>(y), from.plane(p) + std::size_t{y} * from_width,
                  from_width);
    if (auto ok = resizer->run(*source, *target); !ok) return ok;
    for (std::uint32_t y = 0; y < to_height; ++y)
      std::memcpy(to.plane(p) + std::size_t{y} * to_width, target->row<std::uint8_t>(y), to_width);
  }
  return {};
}

result<void> resize_any(const image& from, image& to, const resize_plan& plan) {
  if (from.layout() == pixel_layout::yuv420) return resize_yuv(from, to, plan);
  const bool bytes = from.depth() == 8;
  if (has_alpha(from.layout()))
    return bytes ? resize_with_alpha<std::uint8_t>(from, to, plan)
                 : resize_with_alpha<std::uint16_t>(from, to, plan);
  return bytes ? resize_opaque<std::uint8_t>(from, to, plan)
               : resize_opaque<std::uint16_t>(from, to, plan);
}

template<class Sample>
void paint(image& canvas, domain::rgb_colour colour) {
  constexpr std::uint32_t widen = sizeof(Sample) == 1 ? 1 : 257;
  const std::uint8_t samples[4] = {colour.red, colour.green, colour.blue, 255};
  const std::uint32_t channels = canvas.channels();
  const bool grey = is_grey(canvas.layout());
  for (std::uint32_t y = 0; y < canvas.height(); ++y) {
    auto* out = reinterpret_cast<Sample*>(canvas.row(y));
    for (std::uint32_t x = 0; x < canvas.width(); ++x)
      for (std::uint32_t c = 0; c < channels; ++c)
        *out++ = static_cast<Sample>(samples[grey && c == 1 ? 3 : c] * widen);
  }
}

// Centres the picture on a canvas of the background's colour.
result<image> pad(const image& picture, const resize_plan& plan, domain::rgb_colour background) {
  auto canvas =
      image::make(picture.layout(), plan.canvas_width, plan.canvas_height, picture.depth());
  if (!canvas) return canvas;
  if (picture.depth() == 8)
    paint<std::uint8_t>(*canvas, background);
  else
    paint<std::uint16_t>(*canvas, background);
  const std::size_t left = (plan.canvas_width - plan.scaled_width) / 2;
  const std::uint32_t top = (plan.canvas_height - plan.scaled_height) / 2;
  const std::size_t pixel_bytes = picture.row_bytes() / picture.width();
  for (std::uint32_t y = 0; y < picture.height(); ++y)
    std::memcpy(canvas->row(top + y) + left * pixel_bytes, picture.row(y), picture.row_bytes());
  return canvas;
}

std::uint32_t scaled(std::uint32_t side, double factor) {
  return std::max(1u, static_cast<std::uint32_t>(std::lround(side * factor)));
}

} // namespace

resize_plan plan_resize(std::uint32_t width, std::uint32_t height,
                        const std::optional<domain::resize_spec>& asked) {
  resize_plan plan;
  plan.scaled_width = plan.canvas_width = width;
  plan.scaled_height = plan.canvas_height = height;
  if (!asked) return plan;
  const double to_width = asked->width == 0 ? HUGE_VAL : double(asked->width) / width;
  const double to_height = asked->height == 0 ? HUGE_VAL : double(asked->height) / height;
  const auto allowed = [&](double factor) {
    return asked->upscale ? factor : std::min(factor, 1.0);
  };
  double factor = allowed(std::min(to_width, to_height));
  switch (asked->mode) {
  case domain::resize_mode::fit:
  case domain::resize_mode::pad:
    plan.scaled_width = scaled(width, factor);
    plan.scaled_height = scaled(height, factor);
    if (asked->width != 0) plan.scaled_width = std::min(plan.scaled_width, asked->width);
    if (asked->height != 0) plan.scaled_height = std::min(plan.scaled_height, asked->height);
    plan.canvas_width = plan.scaled_width;
    plan.canvas_height = plan.scaled_height;
    if (asked->mode == domain::resize_mode::pad) {
      plan.canvas_width = asked->width;
      plan.canvas_height = asked->height;
    }
    break;
  case domain::resize_mode::fill:
    factor = allowed(std::max(to_width, to_height));
    plan.scaled_width = std::min(asked->width, scaled(width, factor));
    plan.scaled_height = std::min(asked->height, scaled(height, factor));
    plan.canvas_width = plan.scaled_width;
    plan.canvas_height = plan.scaled_height;
    plan.width = std::min(1.0, plan.scaled_width / (width * factor));
    plan.height = std::min(1.0, plan.scaled_height / (height * factor));
    plan.left = (1 - plan.width) / 2;
    plan.top = (1 - plan.height) / 2;
    break;
  case domain::resize_mode::stretch:
    plan.scaled_width = plan.canvas_width = scaled(width, allowed(to_width));
    plan.scaled_height = plan.canvas_height = scaled(height, allowed(to_height));
    break;
  }
  plan.upscaled = plan.scaled_width > std::lround(plan.width * width) ||
                  plan.scaled_height > std::lround(plan.height * height);
  return plan;
}

result<image> resize(const image& pixels, const resize_plan& plan, domain::rgb_colour background) {
  auto out = image::make(pixels.layout(), plan.scaled_width, plan.scaled_height, pixels.depth());
  if (!out) return out;
  if (auto ok = resize_any(pixels, *out, plan); !ok) return std::unexpected(ok.error());
  return plan.padded() ? pad(*out, plan, background) : std::move(out);
}

std::uint64_t resize_bytes(std::uint64_t source_pixels, std::uint64_t target_pixels, bool alpha,
                           std::uint8_t depth) {
  const std::uint64_t sample = alpha || depth == 16 ? 2 : 1;
  return source_pixels * sample + target_pixels * sample * (alpha ? 2 : 1) + 2 * limits::MiB;
}

std::string resize_library_version() {
  unsigned major = 0, minor = 0, micro = 0;
  zimg_get_version_info(&major, &minor, &micro);
  return "zimg " + std::to_string(major) + "." + std::to_string(minor) + "." +
         std::to_string(micro);
}

} // namespace darkroom::codecs
