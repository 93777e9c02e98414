#include "domain/output_format.hpp"

#include <algorithm>

namespace darkroom::domain {

namespace {

base::result<void, spec_error> check_range(std::uint32_t value,
                                           const std::optional<option_range>& range,
                                           const std::string& at, const std::string& label) {
  if (!range || (value >= range->least && value <= range->most)) return {};
  return std::unexpected(spec_error{at, "is from " + std::to_string(range->least) + " to " +
                                            std::to_string(range->most) + " in " + label});
}

base::result<void, spec_error> check_output(const output_spec& output, output_formats formats,
                                            const std::string& at) {
  const auto* format = find_format(formats, output.format);
  if (format == nullptr)
    return std::unexpected(spec_error{at + "/format", "is none of the formats in /v1/formats"});
  const auto& options = format->options;
  if (auto ok = check_range(output.quality, options.quality, at + "/quality", format->label); !ok)
    return ok;
  if (auto ok = check_range(output.effort, options.effort, at + "/effort", format->label); !ok)
    return ok;
  if (!output.lossless || options.lossless != lossless_support::never) return {};
  const auto others = lossless_formats(formats);
  return std::unexpected(
      spec_error{at + "/lossless", "is not possible in " + format->label +
                                       (others.empty() ? "" : "; use " + list_text(others, "or"))});
}

} // namespace

const output_format* find_format(output_formats formats, std::string_view name) {
  const auto at = std::ranges::find(formats, name, &output_format::name);
  return at == formats.end() ? nullptr : &*at;
}

std::vector<std::string> lossless_formats(output_formats formats) {
  std::vector<std::string> names;
  for (const auto& format : formats)
    if (format.options.lossless != lossless_support::never) names.push_back(format.name);
  return names;
}

std::string list_text(const std::vector<std::string>& words, std::string_view conjunction) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0 && i + 1 == words.size())
      text.append(" ").append(conjunction).append(" ");
    else if (i > 0)
      text += ", ";
    text += words[i];
  }
  return text;
}

base::result<void, spec_error> check_formats(const conversion_spec& spec, output_formats formats) {
  for (std::size_t i = 0; i < spec.outputs.size(); ++i)
    if (auto ok = check_output(spec.outputs[i], formats, "/outputs/" + std::to_string(i)); !ok)
      return ok;
  return {};
}

} // namespace darkroom::domain
