#include "codecs/pipeline.hpp"

#include "codecs/alpha.hpp"
#include "codecs/colour.hpp"
#include "codecs/limits.hpp"
#include "codecs/metadata/adapt.hpp"
#include "codecs/orient.hpp"
#include "codecs/unread_formats.hpp"

#include <algorithm>

namespace darkroom::codecs {

namespace {

using enum domain::failure_reason;
using domain::loss;

result<const format_row*> sniff(input_stream& in) {
  const auto head = in.peek();
  if (in.error() != 0) return fail(io_error, "reading the source failed");
  if (head.empty()) return fail(truncated_input, "the file is empty");
  const auto* format = sniff_format(head);
  if (format == nullptr) return fail(unsupported_format, unreadable_sentence(head));
  return format;
}

// What the colours of the pixels are by: cICP goes before a profile, a profile before PNG's gamma
// and chromaticities (PNG's third edition, section 4.3). Empty: sRGB, or not known.
byte_vector source_profile(const metadata& meta, pixel_layout layout) {
  if (meta.colour.cicp || meta.icc.empty())
    if (auto made = profile_of(meta.colour, is_grey(layout)); !made.empty()) return made;
  return meta.icc;
}

// Replaces the pixels by sRGB ones and forgets what described the old ones.
result<void> convert_to_srgb(image& pixels, metadata& meta, const byte_vector& profile,
                             domain::rendering_intent intent, loss declared,
                             domain::loss_set& losses) {
  auto srgb = to_srgb(pixels, profile, intent);
  if (!srgb) return std::unexpected(srgb.error());
  if (*srgb) pixels = std::move(**srgb);
  losses.add(*srgb ? declared : loss::icc_dropped);
  meta.became_srgb = srgb->has_value();
  meta.icc.clear();
  meta.colour = {};
  return {};
}

// CMYK becomes RGB, a profile that cannot be used or does not fit its pixels goes, and all becomes
// sRGB if asked.
result<void> manage_colour(decoded_image& decoded, const domain::conversion_spec& spec) {
  image& pixels = decoded.pixels;
  metadata& meta = decoded.meta;
  const bool cmyk = pixels.layout() == pixel_layout::cmyk;
  if (!meta.icc.empty() && (!check_profile(meta.icc) || !profile_fits(meta.icc, pixels.layout()))) {
    meta.icc.clear();
    decoded.losses.add(loss::icc_dropped);
  }
  if (cmyk && !meta.icc.empty()) {
    const auto profile = std::move(meta.icc);
    if (auto ok = convert_to_srgb(pixels, meta, profile, spec.intent, loss::cmyk_converted,
                                  decoded.losses);
        !ok)
      return ok;
  }
  if (pixels.layout() == pixel_layout::cmyk) { // no profile, or none that could be used
    auto rgb = cmyk_to_rgb(pixels);
    if (!rgb) return std::unexpected(rgb.error());
    pixels = std::move(*rgb);
    decoded.losses.add(loss::cmyk_converted);
  }
  if (spec.icc != domain::icc_policy::srgb) return {};
  if (is_hdr(meta.colour)) { // no transform knows how bright its whites are
    decoded.losses.add(loss::hdr_dropped);
    meta.icc.clear();
    meta.colour = {};
    return {};
  }
  const auto profile = source_profile(meta, pixels.layout());
  if (profile.empty()) return {};
  return convert_to_srgb(pixels, meta, profile, spec.intent, loss::icc_converted, decoded.losses);
}

// Grey becomes RGB; a profile for grey is used up by that.
result<void> colour_grey(image& pixels, metadata& meta, domain::rendering_intent intent,
                         domain::loss_set& losses) {
  if (profile_fits(meta.icc, pixels.layout())) {
    const auto profile = std::move(meta.icc);
    if (auto ok = convert_to_srgb(pixels, meta, profile, intent, loss::icc_converted, losses); !ok)
      return ok;
  }
  if (!is_grey(pixels.layout())) return {};
  auto rgb = expand_grey(pixels);
  if (!rgb) return std::unexpected(rgb.error());
  pixels = std::move(*rgb);
  return {};
}

// Brings the pixels to what the format can hold, and declares what that costs.
result<void> fit_to_format(image& pixels, metadata& meta, const format_row& format,
                           const domain::conversion_spec& spec, const domain::output_spec& output,
                           domain::loss_set& losses) {
  const auto replace = [&pixels](result<image> made) -> result<void> {
    if (!made) return std::unexpected(made.error());
    pixels = std::move(*made);
    return {};
  };
  if (has_alpha(pixels.layout()) && !format.holds_alpha) {
    bool was_transparent = false;
    if (auto ok = replace(flatten(pixels, spec.background, &was_transparent)); !ok) return ok;
    if (was_transparent) losses.add(loss::alpha_flattened);
  }
  if (is_grey(pixels.layout()) && !format.holds_grey) {
    // A lossless output keeps its samples: the profile is adapted to RGB instead.
    if (output.lossless && profile_fits(meta.icc, pixels.layout()))
      if (auto rgb = profile_of_grey_in_rgb(meta.icc); !rgb.empty()) meta.icc = std::move(rgb);
    if (auto ok = colour_grey(pixels, meta, spec.intent, losses); !ok) return ok;
  }
  if (pixels.depth() == 16 && !format.holds_16_bit) {
    if (auto ok = replace(reduce_depth(pixels)); !ok) return ok;
    losses.add(loss::bit_depth_reduced);
  }
  return {};
}

// Where the stages of a conversion begin and end: about how long they take, for people to look at.
constexpr unsigned decoded_percent = 40, upright_percent = 45;
constexpr unsigned resize_percent = 15; // of an output

result<image> copy_of(const image& pixels) {
  auto copy = image::make(pixels.layout(), pixels.width(), pixels.height(), pixels.depth());
  if (copy) std::copy_n(pixels.data(), pixels.bytes(), copy->data());
  return copy;
}

// Whether grey pixels are to stand on a background that is not grey.
bool needs_colour(const image& pixels, const resize_plan& plan, const format_row& format,
                  domain::rgb_colour paper) {
  const bool coloured = paper.red != paper.green || paper.green != paper.blue;
  const bool shows = plan.padded() || (has_alpha(pixels.layout()) && !format.holds_alpha);
  return is_grey(pixels.layout()) && coloured && shows;
}

// Whether the decoded pixels go to the encoder unchanged, so that no copy is needed.
bool goes_unchanged(const image& pixels, const format_row& format) {
  return (!has_alpha(pixels.layout()) || format.holds_alpha) &&
         (!is_grey(pixels.layout()) || format.holds_grey) &&
         (pixels.depth() == 8 || format.holds_16_bit);
}

result<conversion::output> make_output(decoded_image& decoded, const conversion_request& request,
                                       const conversion_plan& plan, std::size_t i,
                                       domain::loss_set& losses, progress_meter progress) {
  const auto& [format, how] = plan.outputs[i];
  const bool last = i + 1 == plan.outputs.size();
  metadata meta = last ? std::move(decoded.meta) : decoded.meta;
  image own; // pixels of this output alone
  const image* pixels = &decoded.pixels;
  const bool colours_grey = needs_colour(*pixels, how, *format, request.spec.background);
  const bool resizes = how.changes(pixels->width(), pixels->height());
  if (colours_grey || (!resizes && !goes_unchanged(*pixels, *format))) {
    auto made = last ? result<image>(std::move(decoded.pixels)) : copy_of(decoded.pixels);
    if (!made) return std::unexpected(made.error());
    own = std::move(*made);
    pixels = &own;
  }
  if (colours_grey)
    if (auto ok = colour_grey(own, meta, request.spec.intent, losses); !ok)
      return std::unexpected(ok.error());
  if (resizes) {
    progress.part(domain::conversion_stage::transforming, 0, resize_percent);
    auto made = resize(*pixels, how, request.spec.background);
    if (!made) return std::unexpected(made.error());
    own = std::move(*made);
    pixels = &own;
  }
  if (request.crop) {
    const auto area = clipped(*request.crop, pixels->width(), pixels->height());
    if (!area) return fail(internal, "the part asked for lies outside of the picture");
    auto part = crop(*pixels, *area);
    if (!part) return std::unexpected(part.error());
    own = std::move(*part);
    pixels = &own;
  }
  if (last && pixels == &own) decoded.pixels = {};
  if (how.upscaled) losses.add(loss::upscaled);
  if (pixels == &own)
    if (auto ok = fit_to_format(own, meta, *format, request.spec, request.spec.outputs[i], losses);
        !ok)
      return std::unexpected(ok.error());
  if (!format->holds_colorimetry) {
    if (is_hdr(meta.colour) || meta.colour.mastering || meta.colour.light_level)
      losses.add(loss::hdr_dropped);
    meta.icc = source_profile(meta, pixels->layout());
  }
  adapt_metadata(meta,
                 {.width = pixels->width(),
                  .height = pixels->height(),
                  .stored_orientation = decoded.orientation,
                  .upright = request.spec.orient == domain::orient_policy::automatic,
                  .same_geometry = !resizes && plan.scale_denominator == 1 && !request.crop &&
                                   plan.orientation <= 1,
                  .policy = request.spec.metadata},
                 *format, losses);

  output_sink sink(request.output_fds[i], limits::output_bytes_max);
  const auto encoding =
      progress.part(domain::conversion_stage::encoding, resizes ? resize_percent : 0, 100);
  image* disposable = pixels == &own ? &own : last ? &decoded.pixels : nullptr;
  const auto width = pixels->width(), height = pixels->height();
  if (auto ok =
          format->encode({*pixels, meta, request.spec.outputs[i], encoding, disposable}, sink);
      !ok)
    return std::unexpected(ok.error());
  encoding.at(1, 1);
  return conversion::output{sink.bytes(), width, height};
}

result<void> check_losses(domain::loss_set losses, domain::loss_set forbidden) {
  for (const auto l : losses.list())
    if (forbidden.has(l)) return fail(loss_not_allowed, std::string{domain::to_string(l)});
  return {};
}

} // namespace

result<image_info> probe(int input_fd, std::uint64_t input_bytes, const input_limits& limits) {
  if (input_bytes > limits.bytes)
    return fail(limit_input_bytes,
                "the file has more than " + std::to_string(limits.bytes) + " bytes");
  input_stream in(input_fd, input_bytes);
  const auto format = sniff(in);
  if (!format) return std::unexpected(format.error());
  auto info = (*format)->probe(in, limits);
  if (info)
    if (auto ok = check_limits(*info, limits); !ok) return std::unexpected(ok.error());
  return info;
}

result<conversion> convert(const conversion_request& request) {
  if (request.input_bytes > request.limits.bytes)
    return fail(limit_input_bytes, "the file is larger than allowed");
  input_stream in(request.input_fd, request.input_bytes);
  const auto format = sniff(in);
  if (!format) return std::unexpected(format.error());

  conversion done;
  conversion_plan plan;
  const auto plan_decode = [&](const image_info& info) -> result<decode_way> {
    if (auto ok = check_limits(info, request.limits); !ok) return std::unexpected(ok.error());
    auto planned = plan_conversion(info, request.input_bytes, request.spec);
    if (!planned) return std::unexpected(planned.error());
    done.info = info;
    const auto& may = request.unread;
    done.needs_more =
        may && (planned->memory_bytes > may->memory_bytes || planned->cpu_ms_max > may->cpu_ms);
    if (done.needs_more) return fail(limit_memory, "it needs more than it may take");
    plan = std::move(*planned);
    return decode_way{plan.yuv420, plan.width_min, plan.height_min};
  };
  const bool strict = request.spec.strict == domain::strictness::strict;
  using enum domain::conversion_stage;
  auto decoded = (*format)->decode(
      in, {request.limits, strict, request.progress.part(decoding, 0, decoded_percent)},
      plan_decode);
  if (done.needs_more) return done;
  if (!decoded) return std::unexpected(decoded.error());

  request.progress.part(transforming, decoded_percent, upright_percent);
  auto upright = orient(std::move(decoded->pixels), plan.orientation);
  if (!upright) return std::unexpected(upright.error());
  decoded->pixels = std::move(*upright);
  if (auto ok = manage_colour(*decoded, request.spec); !ok) return std::unexpected(ok.error());
  apply_policy(decoded->meta, request.spec.metadata, decoded->losses);
  const auto rest = request.progress.part(encoding, upright_percent, 100);
  const auto share = [&](std::size_t i) {
    return static_cast<unsigned>(100 * i / plan.outputs.size());
  };
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    auto output = make_output(*decoded, request, plan, i, decoded->losses,
                              rest.part(encoding, share(i), share(i + 1)));
    if (!output) return std::unexpected(output.error());
    done.outputs.push_back(*output);
  }
  if (auto ok = check_losses(decoded->losses, request.spec.fail_on); !ok)
    return std::unexpected(ok.error());
  done.losses = decoded->losses;
  done.arrived_percent = decoded->arrived_percent;
  return done;
}

} // namespace darkroom::codecs
