#include "codecs/format.hpp"

#include "codecs/jpeg_format.hpp"
#include "codecs/limits.hpp"
#include "codecs/png_format.hpp"
#include "codecs/webp_format.hpp"

#include <algorithm>
#include <cctype>

namespace darkroom::codecs {

namespace {

std::vector<format_row>& table() {
  static std::vector<format_row> rows{jpeg_format(), png_format(), webp_format()};
  return rows;
}

std::string lower_extension(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return {};
  std::string extension{name.substr(dot + 1)};
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

std::string size_text(const image_info& info) {
  return std::to_string(info.width) + "x" + std::to_string(info.height);
}

} // namespace

std::span<const format_row> formats() {
  return table();
}

void add_format(const format_row& row) {
  table().push_back(row);
}

const format_row* find_format(std::string_view name) {
  const auto row = std::ranges::find(table(), name, &format_row::name);
  return row == table().end() ? nullptr : &*row;
}

const format_row* find_format_or_alias(std::string_view word) {
  const auto row = std::ranges::find_if(table(), [&](const format_row& r) {
    return r.name == word || std::ranges::find(r.aliases, word) != r.aliases.end();
  });
  return row == table().end() ? nullptr : &*row;
}

const format_row* sniff_format(std::span<const std::uint8_t> head) {
  const auto row =
      std::ranges::find_if(table(), [&](const format_row& r) { return r.sniff(head); });
  return row == table().end() ? nullptr : &*row;
}

bool extension_differs(std::string_view path, const format_row& row) {
  const auto extension = lower_extension(path);
  if (extension.empty() || std::ranges::find(row.extensions, extension) != row.extensions.end())
    return false;
  return std::ranges::any_of(table(), [&](const format_row& other) {
    return std::ranges::find(other.extensions, extension) != other.extensions.end();
  });
}

std::vector<domain::output_format> output_formats() {
  std::vector<domain::output_format> writable;
  for (const auto& row : table())
    if (row.encode != nullptr)
      writable.push_back({std::string{row.name},
                          std::string{row.label},
                          {row.aliases.begin(), row.aliases.end()},
                          std::string{row.extension},
                          std::string{row.media_type},
                          row.options});
  return writable;
}

domain::output_spec preview_output() {
  const auto row =
      std::ranges::find_if(table(), [](const format_row& r) { return r.preview.has_value(); });
  return row == table().end() ? domain::output_spec{} : *row->preview;
}

bool lossless_or_high_effort(const domain::output_spec& output) {
  return output.lossless || output.effort > 4;
}

result<void> check_limits(const image_info& info, const input_limits& limits) {
  using enum domain::failure_reason;
  if (info.width == 0 || info.height == 0) return fail(corrupt_input, "an image without pixels");
  if (info.width > limits.side_pixels || info.height > limits.side_pixels)
    return fail(limit_dimensions, size_text(info) + " pixels; a side has at most " +
                                      std::to_string(limits.side_pixels));
  if (info.pixels() > limits.pixels)
    return fail(limit_pixels,
                size_text(info) + " is more than " + std::to_string(limits.pixels) + " pixels");
  return {};
}

} // namespace darkroom::codecs
