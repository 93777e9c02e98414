#include "app/format_help.hpp"

#include <cctype>
#include <utility>

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
  std::vector<std::string> names, subsampled, progressive;
  for (const auto& format : formats) {
    const auto& options = format.options;
    names.push_back(format.name);
    if (!options.chroma.empty()) subsampled.push_back(format.label);
    if (!options.progressive.empty())
      progressive.push_back(std::string{options.progressive} + ' ' + format.label);
  }
  auto passes = join(progressive);
  if (!passes.empty()) // begins a sentence
    passes[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(passes[0])));
  return {.to = "Format of an output: " + domain::list_text(names, "or") + "; may be repeated",
          .fields = {{"lossless", "Pixels exactly as they came (" +
                                      join(domain::lossless_formats(formats)) + ')'},
                     {"chroma", domain::list_text(subsampled, "and") + " colour resolution:"},
                     {"progressive", passes}}};
}

} // namespace darkroom::app
