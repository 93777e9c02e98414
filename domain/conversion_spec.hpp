// What is asked of every file of a batch: the outputs, and how to treat what a source may hold.
#pragma once

#include "base/enum_names.hpp"
#include "base/result.hpp"
#include "domain/field.hpp"
#include "domain/limits.hpp"
#include "domain/loss.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::domain {

enum class resize_mode : std::uint8_t {
  fit,     // inside the box, whole picture, proportions kept
  fill,    // covers the box, centred, what hangs over is cut
  pad,     // inside the box, the rest is background
  stretch, // exactly the box, proportions not kept
};
enum class metadata_policy : std::uint8_t {
  keep,
  strip,          // all of it
  strip_location, // only what is known to contain no location is kept
  copyright,      // creator, rights, credit, contact and licence are kept
};
enum class icc_policy : std::uint8_t { preserve, srgb };
// How colours beyond the output's range are treated (ICC.1, section 6.2).
enum class rendering_intent : std::uint8_t {
  relative,   // what both can show stays; black becomes black
  perceptual, // all is compressed alike
  saturation,
  absolute, // the paper's white too
};
enum class animation_policy : std::uint8_t { fail, first_frame };
enum class strictness : std::uint8_t {
  tolerant, // salvage a truncated or lightly damaged image and declare it
  strict,   // such an image fails
};
enum class collision_policy : std::uint8_t { rename, fail };
enum class existing_policy : std::uint8_t { fail, skip, overwrite };
enum class chroma_subsampling : std::uint8_t { s420, s444 };
enum class orient_policy : std::uint8_t {
  automatic, // pixels are turned upright and the tag is reset
  none,      // pixels and tag stay as they are
};

} // namespace darkroom::domain

namespace darkroom {

template<>
inline constexpr auto base::enum_names<domain::resize_mode> =
    names("fit", "fill", "pad", "stretch");
template<>
inline constexpr auto base::enum_names<domain::metadata_policy> =
    names("keep", "strip", "strip_location", "copyright");
template<>
inline constexpr auto base::enum_names<domain::icc_policy> = names("preserve", "srgb");
template<>
inline constexpr auto base::enum_names<domain::rendering_intent> =
    names("relative", "perceptual", "saturation", "absolute");
template<>
inline constexpr auto base::enum_names<domain::animation_policy> = names("fail", "first_frame");
template<>
inline constexpr auto base::enum_names<domain::strictness> = names("tolerant", "strict");
template<>
inline constexpr auto base::enum_names<domain::collision_policy> = names("rename", "fail");
template<>
inline constexpr auto base::enum_names<domain::existing_policy> =
    names("fail", "skip", "overwrite");
template<>
inline constexpr auto base::enum_names<domain::chroma_subsampling> = names("420", "444");
template<>
inline constexpr auto base::enum_names<domain::orient_policy> = names("auto", "none");

} // namespace darkroom

namespace darkroom::domain {

using base::to_string;

struct rgb_colour {
  std::uint8_t red = 255, green = 255, blue = 255;
  bool operator==(const rgb_colour&) const = default;
};
// `#rrggbb`.
std::optional<rgb_colour> parse_colour(std::string_view text);
std::string to_string(rgb_colour c);

struct resize_spec {
  std::uint32_t width = 0;  // pixels; 0: follows from the height
  std::uint32_t height = 0; // pixels; 0: follows from the width
  resize_mode mode = resize_mode::fit;
  bool upscale = false; // whether a smaller picture is enlarged
  bool operator==(const resize_spec&) const = default;
};
template<maybe_const<resize_spec> Spec>
void for_each_field(Spec& s, auto&& visit) {
  visit(field{.name = "width",
              .tag = 1,
              .help = "Width of the output in pixels; 0: follows from the height.",
              .most = limits::side_pixels_max,
              .option = no_option},
        s.width);
  visit(field{.name = "height",
              .tag = 2,
              .help = "Height of the output in pixels; 0: follows from the width.",
              .most = limits::side_pixels_max,
              .option = no_option},
        s.height);
  visit(field{.name = "mode", .tag = 3, .help = "How the picture is fitted into width and height."},
        s.mode);
  visit(field{.name = "upscale", .tag = 4, .help = "Also enlarge smaller pictures."}, s.upscale);
}
// `1600x1600`, `1600x` or `x1600`.
std::optional<resize_spec> parse_resize(std::string_view text);

struct output_spec {
  std::string format;        // name of a format that can be encoded: "jpeg", "png", "webp"
  std::uint8_t quality = 80; // 0 to 100
  bool lossless = false;     // pixels exactly as they came
  std::uint8_t effort = 4;   // 0 fastest to 6 smallest
  chroma_subsampling chroma = chroma_subsampling::s420; // JPEG only; WebP is always 4:2:0
  bool progressive = false;                             // JPEG: progressive; PNG: interlaced
  std::optional<resize_spec> resize;
  std::string suffix; // added to the file name before its extension
  bool operator==(const output_spec&) const = default;
};
template<maybe_const<output_spec> Spec>
void for_each_field(Spec& s, auto&& visit) {
  visit(field{.name = "format",
              .tag = 1,
              .help = "Format of the output.",
              .least = 1,
              .most = limits::format_name_bytes_max,
              .option = no_option},
        s.format);
  visit(field{.name = "quality",
              .tag = 2,
              .help = "Quality of lossy compression: 0 (smallest) to 100 (best).",
              .most = 100,
              .option = "-q,--quality"},
        s.quality);
  visit(field{.name = "lossless", .tag = 3, .help = "Keep every pixel exactly as it is."},
        s.lossless);
  visit(field{.name = "effort",
              .tag = 4,
              .help = "Effort of the encoder: 0 (fastest) to 6 (smallest).",
              .most = limits::effort_max},
        s.effort);
  visit(field{.name = "chroma", .tag = 5, .help = "Colour resolution of lossy outputs."}, s.chroma);
  visit(field{.name = "progressive",
              .tag = 6,
              .help = "Write the output so that it appears in several passes."},
        s.progressive);
  visit(field{.name = "suffix",
              .tag = 8,
              .help = "Added to the output's name, before the extension.",
              .most = limits::suffix_bytes_max,
              .for_codec_hosts = false},
        s.suffix);
  visit(field{.name = "resize", .tag = 7, .help = "Size of the output; without it, the source's."},
        s.resize);
}

struct conversion_spec {
  std::vector<output_spec> outputs;
  orient_policy orient = orient_policy::automatic;
  metadata_policy metadata = metadata_policy::keep;
  icc_policy icc = icc_policy::preserve;
  rendering_intent intent = rendering_intent::relative;
  rgb_colour background;
  animation_policy animation = animation_policy::fail;
  domain::strictness strict = strictness::tolerant;
  loss_set fail_on; // losses that fail the file
  collision_policy collision = collision_policy::rename;
  existing_policy existing = existing_policy::fail;
  std::uint8_t min_saving_percent = 0; // 0 to 99; 0: the source's bytes are never kept
  bool operator==(const conversion_spec&) const = default;
};
template<maybe_const<conversion_spec> Spec>
void for_each_field(Spec& s, auto&& visit) {
  visit(field{.name = "outputs",
              .tag = 1,
              .help = "What is made of each file.",
              .least = 1,
              .most = limits::outputs_max,
              .option = no_option},
        s.outputs);
  visit(field{.name = "orient",
              .tag = 2,
              .help = "auto turns pixels upright and resets the tag; none leaves both."},
        s.orient);
  visit(field{.name = "metadata",
              .tag = 3,
              .help =
                  "What happens to EXIF, XMP, IPTC and texts. strip_location keeps only what is "
                  "known to contain no location; copyright keeps creator, rights, credit, contact "
                  "and licence."},
        s.metadata);
  visit(field{.name = "icc",
              .tag = 4,
              .help = "preserve keeps the colour profile; srgb converts the pixels."},
        s.icc);
  visit(field{.name = "intent",
              .tag = 32,
              .help = "Rendering intent where a profile is used to convert the pixels."},
        s.intent);
  visit(
      field{.name = "background", .tag = 5, .help = "Colour behind transparency, and of padding."},
      s.background);
  visit(field{.name = "animation", .tag = 6, .help = "What happens to animated sources."},
        s.animation);
  visit(field{.name = "strictness",
              .tag = 7,
              .help = "strict fails damaged pictures instead of salvaging them.",
              .option = "--strict",
              .is_flag = true},
        s.strict);
  visit(
      field{
          .name = "on_loss", .tag = 8, .help = "Losses that fail the file.", .option = "--fail-on"},
      s.fail_on);
  visit(field{.name = "collision",
              .tag = 9,
              .help = "What happens when two outputs would get one name.",
              .for_codec_hosts = false},
        s.collision);
  visit(field{.name = "existing",
              .tag = 10,
              .help = "What happens when something else lies at an output's path.",
              .for_codec_hosts = false},
        s.existing);
  visit(field{.name = "min_saving_percent",
              .tag = 11,
              .help = "Keep the source's bytes if an output of its own format saves less percent.",
              .most = 99,
              .option = "--min-saving",
              .for_codec_hosts = false},
        s.min_saving_percent);
}

struct spec_error {
  std::string pointer; // RFC 6901: where in the spec
  std::string detail;  // what is wrong and what is allowed
  bool operator==(const spec_error&) const = default;
};

// Checks ranges and what contradicts itself; what depends on the formats is for `check_formats`.
base::result<void, spec_error> validate(const conversion_spec& spec);

} // namespace darkroom::domain
