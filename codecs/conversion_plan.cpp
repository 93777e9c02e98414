#include "codecs/conversion_plan.hpp"

#include "base/units.hpp"
#include "codecs/limits.hpp"
#include "codecs/orient.hpp"

#include <algorithm>
#include <cmath>

namespace darkroom::codecs {

namespace {

using enum domain::failure_reason;

std::string size_text(std::uint32_t width, std::uint32_t height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

result<output_plan> plan_output(const image_info& info, const domain::output_spec& output,
                                const conversion_plan& plan) {
  output_plan out;
  out.format = find_format(output.format);
  if (out.format == nullptr || out.format->encode == nullptr)
    return fail(unsupported_format, "cannot write " + output.format);
  const bool turned = plan.orientation >= 5;
  out.resize = plan_resize(turned ? info.height : info.width, turned ? info.width : info.height,
                           output.resize);
  const auto width = out.resize.canvas_width, height = out.resize.canvas_height;
  if (width > out.format->side_pixels_max || height > out.format->side_pixels_max)
    return fail(output_dimension_unsupported,
                std::string{out.format->name} + " cannot hold " + size_text(width, height) +
                    " pixels; a side has at most " + std::to_string(out.format->side_pixels_max));
  return out;
}

// Pixels can stay Y, U, V when no step needs RGB.
bool stays_yuv(const image_info& info, const domain::conversion_spec& spec,
               const conversion_plan& plan) {
  if (!info.yuv420 || plan.scale_denominator != 1) return false;
  if (spec.icc == domain::icc_policy::srgb && info.icc_bytes != 0) return false;
  if (!can_orient(pixel_layout::yuv420, info.width, info.height, plan.orientation)) return false;
  for (std::size_t i = 0; i < spec.outputs.size(); ++i)
    if (!plan.outputs[i].format->takes_yuv420(spec.outputs[i]) || plan.outputs[i].resize.padded())
      return false;
  return true;
}

// The smallest decode that serves every output.
void plan_scale(const image_info& info, conversion_plan& plan) {
  const auto* source = find_format(info.format);
  if (source == nullptr) return;
  std::uint32_t width = 0, height = 0;
  for (const auto& output : plan.outputs) {
    const auto& r = output.resize;
    width = std::max(width, static_cast<std::uint32_t>(std::lround(r.scaled_width / r.width)));
    height = std::max(height, static_cast<std::uint32_t>(std::lround(r.scaled_height / r.height)));
  }
  if (plan.orientation >= 5) std::swap(width, height);
  plan.width_min = width;
  plan.height_min = height;
  plan.scale_denominator = source->decode_scale(info, width, height);
}

// Peak of the steps, each with what is alive beside it.
std::uint64_t peak_bytes(const image_info& info, std::uint64_t input_bytes,
                         const domain::conversion_spec& spec, const conversion_plan& plan) {
  const auto* source = find_format(info.format);
  const std::uint64_t m = plan.scale_denominator;
  const std::uint64_t pixels = ((info.width + m - 1) / m) * ((info.height + m - 1) / m);
  const std::uint32_t sample = info.depth / 8;
  const std::uint64_t decoded = plan.yuv420 ? pixels * 3 / 2 : pixels * info.channels * sample;
  const bool holds_input = source != nullptr && source->decode_needs_whole_input;
  const std::uint64_t whole_input = holds_input ? input_bytes : 0;
  const std::uint64_t metadata =
      2 * (std::uint64_t{info.icc_bytes} + info.exif_bytes + info.xmp_bytes);

  std::uint64_t peak =
      decoded + whole_input +
      (source != nullptr ? source->decode_bytes(info, static_cast<std::uint32_t>(m)) : 0);
  if (plan.orientation > 1) peak = std::max(peak, decoded * 2);
  const bool converts = info.cmyk || (spec.icc == domain::icc_policy::srgb &&
                                      (info.icc_bytes != 0 || info.colorimetry));
  // What is converted becomes RGB, grey too.
  const std::uint32_t channels = !converts ? info.channels : info.alpha ? 4 : 3;
  const std::uint64_t base = converts ? pixels * channels * sample : decoded;
  if (converts) peak = std::max(peak, decoded + base + 4 * limits::MiB);

  std::uint64_t written = 0; // outputs so far
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    const auto& [format, r] = plan.outputs[i];
    const std::uint64_t target = std::uint64_t{r.canvas_width} * r.canvas_height;
    const bool widens =
        is_grey(channels <= 2 ? pixel_layout::grey : pixel_layout::rgb) && !format->holds_grey;
    const std::uint32_t out_channels = widens ? channels + 2 : channels;
    const std::uint32_t out_sample = format->holds_16_bit ? sample : 1;
    const std::uint64_t picture = plan.yuv420 ? target * 3 / 2 : target * out_channels * sample;
    std::uint64_t alive = written + (plan.outputs.size() > 1 ? base : 0); // for the next output
    if (r.changes(plan.orientation >= 5 ? info.height : info.width,
                  plan.orientation >= 5 ? info.width : info.height))
      peak = std::max(peak, written + base + picture +
                                resize_bytes(pixels, target, info.alpha, info.depth));
    // An encoded output lies in memory until it is staged.
    written += format->output_bytes(spec.outputs[i], target, target * out_channels * out_sample);
    const bool copies = (info.alpha && !format->holds_alpha) || widens || out_sample != sample;
    if (copies) peak = std::max(peak, alive + 2 * picture);
    alive += plan.yuv420 ? picture : target * out_channels * out_sample;
    peak = std::max(peak, written + alive +
                              format->encode_bytes(spec.outputs[i], r.canvas_width, r.canvas_height,
                                                   out_channels,
                                                   static_cast<std::uint8_t>(out_sample * 8)));
  }
  return peak + metadata + 2 * limits::MiB;
}

constexpr std::uint64_t ps_per_us = 1'000'000;
// Of any file, however small: header, messages, journal, sync of the outputs. Measured with the
// pictures of PngSuite beside photos.
constexpr std::uint64_t file_us = 1'200;

std::uint32_t slow_factor_of(const domain::conversion_spec& spec) {
  const bool slow = std::ranges::any_of(spec.outputs, [](const domain::output_spec& output) {
    const auto* format = find_format(output.format);
    return format != nullptr && format->is_slow(output);
  });
  return slow ? limits::cpu_slow_factor : 1;
}

std::uint32_t allowed_cpu_ms(std::uint64_t output_pixels, std::uint32_t slow_factor) {
  const std::uint64_t megapixels = (output_pixels + 999'999) / 1'000'000;
  return static_cast<std::uint32_t>(limits::cpu_base_ms +
                                    limits::cpu_ms_per_megapixel * megapixels * slow_factor);
}

// Relative to the other conversions: about microseconds of one core.
std::uint64_t predicted_cost(const image_info& info, const conversion_plan& plan,
                             std::uint32_t slow_factor) {
  const auto* source = find_format(info.format);
  const std::uint64_t decode_ps =
      source != nullptr ? info.pixels() * source->decode_ps_per_pixel : 0;
  std::uint64_t encode_ps = 0;
  for (const auto& [format, r] : plan.outputs)
    encode_ps +=
        std::uint64_t{r.canvas_width} * r.canvas_height * format->encode_ps_per_pixel * slow_factor;
  return file_us + decode_ps / ps_per_us + encode_ps / ps_per_us;
}

} // namespace

result<conversion_plan> plan_conversion(const image_info& info, std::uint64_t input_bytes,
                                        const domain::conversion_spec& spec) {
  if (info.frames > 1 && spec.animation == domain::animation_policy::fail)
    return fail(unsupported_format, "an animation; --animation first_frame keeps its first frame");
  conversion_plan plan;
  plan.orientation = spec.orient == domain::orient_policy::automatic ? info.orientation : 1;
  for (const auto& output : spec.outputs) {
    auto planned = plan_output(info, output, plan);
    if (!planned) return std::unexpected(planned.error());
    const auto& r = planned->resize;
    plan.output_pixels += std::uint64_t{r.canvas_width} * r.canvas_height;
    plan.outputs.push_back(*planned);
  }
  plan_scale(info, plan);
  plan.yuv420 = stays_yuv(info, spec, plan);
  plan.memory_bytes = peak_bytes(info, input_bytes, spec, plan);

  const auto factor = slow_factor_of(spec);
  plan.cpu_ms_max = allowed_cpu_ms(plan.output_pixels, factor);
  plan.cost = predicted_cost(info, plan, factor);
  return plan;
}

conversion_plan plan_unread(std::uint64_t input_bytes, const domain::conversion_spec& spec) {
  // As JPEG has them at middle quality, about.
  constexpr std::uint64_t pixels_per_byte = 4;
  const auto factor = slow_factor_of(spec);
  const auto pixels = input_bytes * pixels_per_byte;
  conversion_plan plan;
  plan.memory_bytes = limits::unread_memory_bytes;
  plan.output_pixels = pixels * spec.outputs.size();
  plan.cpu_ms_max = allowed_cpu_ms(plan.output_pixels, factor);
  plan.cost = file_us;
  for (const auto& output : spec.outputs)
    if (const auto* format = find_format(output.format))
      plan.cost += pixels * format->encode_ps_per_pixel * factor / ps_per_us;
  return plan;
}

} // namespace darkroom::codecs
