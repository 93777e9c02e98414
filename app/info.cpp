// `darkroom info` and `darkroom formats`.
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/standard_input.hpp"
#include "app/text.hpp"
#include "base/enum_names.hpp"
#include "codecs/colour.hpp"
#include "codecs/host/codec_host.hpp"
#include "codecs/resize.hpp"
#include "config/version.hpp"

#include <boost/json.hpp>

#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>

namespace darkroom::app {

namespace {

std::string describe(const std::string& path, const codecs::image_info& info) {
  std::string text = printable(path) + ": " + std::string{info.format} + ' ' +
                     std::to_string(info.width) + 'x' + std::to_string(info.height) + ", " +
                     std::to_string(info.channels) + " channels of " + std::to_string(info.depth) +
                     " bits";
  if (info.orientation != 1) text += ", orientation " + std::to_string(info.orientation);
  if (info.frames > 1) text += ", " + std::to_string(info.frames) + " frames";
  if (info.progressive) text += ", progressive";
  if (info.lossless) text += ", lossless";
  if (info.icc_bytes != 0) text += ", ICC profile";
  if (info.exif_bytes != 0) text += ", EXIF";
  if (info.xmp_bytes != 0) text += ", XMP";
  return text;
}

std::string info_json(const std::string& path, const codecs::image_info& info) {
  return boost::json::serialize(boost::json::object{{"path", printable(path)},
                                                    {"format", info.format},
                                                    {"width", info.width},
                                                    {"height", info.height},
                                                    {"upright_width", info.upright_width()},
                                                    {"upright_height", info.upright_height()},
                                                    {"channels", info.channels},
                                                    {"depth", info.depth},
                                                    {"orientation", info.orientation},
                                                    {"frames", info.frames},
                                                    {"alpha", info.alpha},
                                                    {"progressive", info.progressive},
                                                    {"lossless", info.lossless},
                                                    {"cmyk", info.cmyk},
                                                    {"icc_bytes", info.icc_bytes},
                                                    {"exif_bytes", info.exif_bytes},
                                                    {"xmp_bytes", info.xmp_bytes}});
}

} // namespace

int run_info(const std::vector<std::string>& files, bool json, codecs::host::zygote& hosts) {
  std::size_t failures = 0;
  for (const auto& file : files) {
    base::unique_fd source;
    if (file == standard_stream) {
      auto input = read_standard_input();
      if (!input) return complain(input.error(), exit_usage);
      source = std::move(input->content);
      ::lseek(source.get(), 0, SEEK_SET);
    } else {
      source.reset(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    }
    struct stat about{};
    if (!source || ::fstat(source.get(), &about) != 0 || !S_ISREG(about.st_mode)) {
      complain(printable(file) + ": is no file that can be read", 0);
      failures += 1;
      continue;
    }
    auto host = codecs::host::codec_host::start(hosts);
    if (!host) return complain(host.error(), exit_temporary);
    const auto info = (*host)->probe(source.get(), static_cast<std::uint64_t>(about.st_size), {});
    if (!info) {
      complain(printable(file) + ": " + std::string{to_string(info.error().error.reason)} + " (" +
                   printable(info.error().error.detail) + ")",
               0);
      failures += 1;
      continue;
    }
    std::printf("%s\n", (json ? info_json(file, *info) : describe(file, *info)).c_str());
  }
  if (failures == 0) return exit_all;
  return failures == files.size() ? exit_all_failed : exit_some_failed;
}

std::string format_names() {
  std::string text;
  for (const auto& format : codecs::formats())
    text.append(text.empty() ? "" : ", ")
        .append(format.name)
        .append(" by ")
        .append(format.version());
  return text;
}

namespace {

boost::json::array array_of(std::span<const std::string_view> words) {
  return boost::json::array(words.begin(), words.end()); // braces would make one of two iterators
}

// The options that the format follows, with what they may be.
boost::json::object options_json(const domain::output_options& options) {
  boost::json::object object{{"lossless", base::to_string(options.lossless)},
                             {"progressive", !options.progressive.empty()}};
  const auto put = [&](std::string_view name, const std::optional<domain::option_range>& range) {
    if (range) object[name] = {{"least", range->least}, {"most", range->most}};
  };
  put("quality", options.quality);
  put("effort", options.effort);
  if (options.chroma.empty()) return object;
  auto& choices = object["chroma"].emplace_array();
  for (const auto chroma : options.chroma)
    choices.emplace_back(to_string(chroma));
  return object;
}

} // namespace

std::string formats_json() {
  boost::json::array rows;
  for (const auto& format : codecs::formats()) {
    rows.push_back({{"name", format.name},
                    {"label", format.label},
                    {"aliases", array_of(format.aliases)},
                    {"media_type", format.media_type},
                    {"extensions", array_of(format.extensions)},
                    {"writes", format.encode != nullptr},
                    {"alpha", format.holds_alpha},
                    {"depth", format.holds_16_bit ? 16 : 8},
                    {"side_pixels_max", format.side_pixels_max},
                    {"options", options_json(format.options)},
                    {"library", format.version()}});
  }
  return boost::json::serialize(rows);
}

int run_formats(bool json) {
  if (json) {
    std::printf("%s\n", formats_json().c_str());
    return exit_all;
  }
  for (const auto& format : codecs::formats()) {
    std::string extensions;
    for (const auto extension : format.extensions)
      extensions += (extensions.empty() ? "." : " .") + std::string{extension};
    std::printf("%-5s %s %-26s %s%s, at most %u pixels a side, %s\n",
                std::string{format.name}.c_str(),
                format.encode != nullptr ? "reads and writes" : "reads", extensions.c_str(),
                format.holds_16_bit ? "16 bit" : "8 bit", format.holds_alpha ? " with alpha" : "",
                format.side_pixels_max, format.version().c_str());
  }
  return exit_all;
}

std::string version_text() {
  std::string text = std::string{"darkroom "} + version;
  for (const auto& format : codecs::formats())
    text += "\n" + format.version();
  return text + "\n" + codecs::resize_library_version() + "\n" + codecs::colour_library_version();
}

} // namespace darkroom::app
