// What is asked of every file of a batch: the outputs, and how to treat what a source may hold.
#pragma once

#include "base/result.hpp"
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
enum class metadata_policy : std::uint8_t { keep, strip, strip_location };
enum class icc_policy : std::uint8_t { preserve, srgb };
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

std::string_view to_string(resize_mode v);
std::string_view to_string(metadata_policy v);
std::string_view to_string(icc_policy v);
std::string_view to_string(animation_policy v);
std::string_view to_string(strictness v);
std::string_view to_string(collision_policy v);
std::string_view to_string(existing_policy v);
std::string_view to_string(chroma_subsampling v);
std::string_view to_string(orient_policy v);
std::optional<resize_mode> parse_resize_mode(std::string_view name);
std::optional<metadata_policy> parse_metadata_policy(std::string_view name);
std::optional<icc_policy> parse_icc_policy(std::string_view name);
std::optional<animation_policy> parse_animation_policy(std::string_view name);
std::optional<strictness> parse_strictness(std::string_view name);
std::optional<collision_policy> parse_collision_policy(std::string_view name);
std::optional<existing_policy> parse_existing_policy(std::string_view name);
std::optional<chroma_subsampling> parse_chroma_subsampling(std::string_view name);
std::optional<orient_policy> parse_orient_policy(std::string_view name);

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

struct conversion_spec {
  std::vector<output_spec> outputs;
  orient_policy orient = orient_policy::automatic;
  metadata_policy metadata = metadata_policy::keep;
  icc_policy icc = icc_policy::preserve;
  rgb_colour background;
  animation_policy animation = animation_policy::fail;
  domain::strictness strict = strictness::tolerant;
  loss_set fail_on; // losses that fail the file
  collision_policy collision = collision_policy::rename;
  existing_policy existing = existing_policy::fail;
  std::uint8_t min_saving_percent = 0; // 0 to 99; 0: the source's bytes are never kept
  bool operator==(const conversion_spec&) const = default;
};

struct spec_error {
  std::string pointer; // RFC 6901: where in the spec
  std::string detail;  // what is wrong and what is allowed
  bool operator==(const spec_error&) const = default;
};

// Checks ranges and what contradicts itself; what depends on the formats is for `check_formats`.
base::result<void, spec_error> validate(const conversion_spec& spec);

} // namespace darkroom::domain
