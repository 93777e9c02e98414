#include "domain/conversion_spec.hpp"

#include "base/result.hpp"
#include "domain/limits.hpp"
#include "domain/names.hpp"

#include <charconv>

namespace darkroom::domain {

namespace {

constexpr name_table<resize_mode, 4> resize_modes{"fit", "fill", "pad", "stretch"};
constexpr name_table<metadata_policy, 3> metadata_policies{"keep", "strip", "strip_location"};
constexpr name_table<icc_policy, 2> icc_policies{"preserve", "srgb"};
constexpr name_table<animation_policy, 2> animation_policies{"fail", "first_frame"};
constexpr name_table<strictness, 2> strictnesses{"tolerant", "strict"};
constexpr name_table<collision_policy, 2> collision_policies{"rename", "fail"};
constexpr name_table<existing_policy, 3> existing_policies{"fail", "skip", "overwrite"};
constexpr name_table<chroma_subsampling, 2> chroma_subsamplings{"420", "444"};
constexpr name_table<orient_policy, 2> orient_policies{"auto", "none"};

std::optional<std::uint32_t> parse_side(std::string_view text) {
  if (text.empty()) return 0;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

std::optional<std::uint8_t> parse_hex_byte(std::string_view text) {
  std::uint8_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + 2, value, 16);
  if (error != std::errc{} || end != text.data() + 2) return std::nullopt;
  return value;
}

base::result<void, spec_error> validate_resize(const resize_spec& resize, const std::string& at) {
  if (resize.width == 0 && resize.height == 0)
    return std::unexpected(spec_error{at, "needs a width or a height, as in 1600x1600 or 1600x"});
  if (resize.width > limits::side_pixels_max || resize.height > limits::side_pixels_max)
    return std::unexpected(
        spec_error{at, "a side is at most " + std::to_string(limits::side_pixels_max) + " pixels"});
  const bool open_side = resize.width == 0 || resize.height == 0;
  if (open_side && resize.mode != resize_mode::fit)
    return std::unexpected(
        spec_error{at + "/mode", "fill, pad and stretch need a width and a height"});
  return {};
}

base::result<void, spec_error> validate_output(const output_spec& output, const std::string& at) {
  if (output.format.empty()) return std::unexpected(spec_error{at + "/format", "is missing"});
  if (output.quality > 100) return std::unexpected(spec_error{at + "/quality", "is from 0 to 100"});
  if (output.effort > limits::effort_max)
    return std::unexpected(spec_error{at + "/effort", "is from 0 (fastest) to 6 (smallest)"});
  if (output.suffix.size() > limits::suffix_bytes_max ||
      output.suffix.find_first_of(std::string_view{"/\0", 2}) != std::string::npos)
    return std::unexpected(spec_error{at + "/suffix", "is at most 64 bytes and has no slash"});
  if (output.resize) return validate_resize(*output.resize, at + "/resize");
  return {};
}

} // namespace

std::string_view to_string(resize_mode v) {
  return name_of(resize_modes, v);
}
std::string_view to_string(metadata_policy v) {
  return name_of(metadata_policies, v);
}
std::string_view to_string(icc_policy v) {
  return name_of(icc_policies, v);
}
std::string_view to_string(animation_policy v) {
  return name_of(animation_policies, v);
}
std::string_view to_string(strictness v) {
  return name_of(strictnesses, v);
}
std::string_view to_string(collision_policy v) {
  return name_of(collision_policies, v);
}
std::string_view to_string(existing_policy v) {
  return name_of(existing_policies, v);
}
std::string_view to_string(chroma_subsampling v) {
  return name_of(chroma_subsamplings, v);
}
std::string_view to_string(orient_policy v) {
  return name_of(orient_policies, v);
}
std::optional<resize_mode> parse_resize_mode(std::string_view n) {
  return value_of<resize_mode>(resize_modes, n);
}
std::optional<metadata_policy> parse_metadata_policy(std::string_view n) {
  return value_of<metadata_policy>(metadata_policies, n);
}
std::optional<icc_policy> parse_icc_policy(std::string_view n) {
  return value_of<icc_policy>(icc_policies, n);
}
std::optional<animation_policy> parse_animation_policy(std::string_view n) {
  return value_of<animation_policy>(animation_policies, n);
}
std::optional<strictness> parse_strictness(std::string_view n) {
  return value_of<strictness>(strictnesses, n);
}
std::optional<collision_policy> parse_collision_policy(std::string_view n) {
  return value_of<collision_policy>(collision_policies, n);
}
std::optional<existing_policy> parse_existing_policy(std::string_view n) {
  return value_of<existing_policy>(existing_policies, n);
}
std::optional<chroma_subsampling> parse_chroma_subsampling(std::string_view n) {
  return value_of<chroma_subsampling>(chroma_subsamplings, n);
}
std::optional<orient_policy> parse_orient_policy(std::string_view n) {
  return value_of<orient_policy>(orient_policies, n);
}

std::optional<rgb_colour> parse_colour(std::string_view text) {
  if (text.size() != 7 || text[0] != '#') return std::nullopt;
  const auto red = parse_hex_byte(text.substr(1));
  const auto green = parse_hex_byte(text.substr(3));
  const auto blue = parse_hex_byte(text.substr(5));
  if (!red || !green || !blue) return std::nullopt;
  return rgb_colour{*red, *green, *blue};
}

std::string to_string(rgb_colour c) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "#";
  for (const std::uint8_t v : {c.red, c.green, c.blue}) {
    text += digits[v >> 4];
    text += digits[v & 15];
  }
  return text;
}

std::optional<resize_spec> parse_resize(std::string_view text) {
  const auto x = text.find('x');
  if (x == std::string_view::npos || text.size() < 2) return std::nullopt;
  const auto width = parse_side(text.substr(0, x));
  const auto height = parse_side(text.substr(x + 1));
  if (!width || !height) return std::nullopt;
  return resize_spec{.width = *width, .height = *height};
}

base::result<void, spec_error> validate(const conversion_spec& spec) {
  if (spec.outputs.empty())
    return std::unexpected(spec_error{"/outputs", "needs at least one output"});
  if (spec.outputs.size() > limits::outputs_max)
    return std::unexpected(
        spec_error{"/outputs", "has at most " + std::to_string(limits::outputs_max) + " outputs"});
  if (spec.min_saving_percent > 99)
    return std::unexpected(spec_error{"/min_saving_percent", "is from 0 to 99"});
  for (std::size_t i = 0; i < spec.outputs.size(); ++i)
    if (auto ok = validate_output(spec.outputs[i], "/outputs/" + std::to_string(i)); !ok) return ok;
  return {};
}

} // namespace darkroom::domain
