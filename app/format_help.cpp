#include "app/format_help.hpp"

#include <algorithm>
#include <cctype>

namespace darkroom::app {

namespace {

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words)
    text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

} // namespace

format_help make_format_help(domain::output_formats formats) {
  std::vector<std::string> names, subsampled, choices, progressive;
  for (const auto& format : formats) {
    const auto& options = format.options;
    names.push_back(format.name);
    if (!options.chroma.empty()) subsampled.push_back(format.label);
    for (const auto chroma : options.chroma)
      if (const auto name = std::string{to_string(chroma)};
          std::ranges::find(choices, name) == choices.end())
        choices.push_back(name);
    if (!options.progressive.empty())
      progressive.push_back(std::string{options.progressive} + ' ' + format.label);
  }
  format_help help{
      .to = "Format of an output: " + domain::list_text(names, "or") + "; may be repeated",
      .lossless = "Pixels exactly as they came (" + join(domain::lossless_formats(formats)) + ')',
      .chroma = domain::list_text(subsampled, "and") +
                " colour resolution: " + domain::list_text(choices, "or"),
      .progressive = join(progressive)};
  if (!help.progressive.empty())
    help.progressive[0] =
        static_cast<char>(std::toupper(static_cast<unsigned char>(help.progressive[0])));
  return help;
}

} // namespace darkroom::app
