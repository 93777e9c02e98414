#include "domain/conversion_spec.hpp"

#include "domain/range_check.hpp"

#include <charconv>

namespace darkroom::domain {

namespace {

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
  if (output.suffix.find_first_of(std::string_view{"/\0", 2}) != std::string::npos)
    return std::unexpected(spec_error{at + "/suffix", "is part of a file name: it has no slash"});
  if (output.resize) return validate_resize(*output.resize, at + "/resize");
  return {};
}

} // namespace

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
  for (std::size_t i = 0; i < spec.outputs.size(); ++i)
    if (auto ok = validate_output(spec.outputs[i], "/outputs/" + std::to_string(i)); !ok) return ok;
  return check_ranges(spec);
}

} // namespace darkroom::domain
