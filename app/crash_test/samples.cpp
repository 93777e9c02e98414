#include "app/crash_test/samples.hpp"

#include "base/result.hpp"
#include "codecs/format.hpp"
#include "codecs/limits.hpp"
#include "persistence/files.hpp"

#include <fcntl.h>
#include <filesystem>
#include <random>
#include <sys/stat.h>

namespace darkroom::app {

namespace {

struct picture_kind {
  const char* format;
  std::uint32_t side;
  std::uint8_t effort;
};

// The large ones take long enough to be killed in the middle.
constexpr picture_kind kinds[] = {{"png", 16, 1},   {"png", 200, 4},  {"png", 700, 1},
                                  {"jpeg", 64, 4},  {"jpeg", 400, 4}, {"jpeg", 1200, 4},
                                  {"webp", 100, 2}, {"webp", 500, 2}};

base::result<std::string, std::string> text_of(codecs::result<void> ok) {
  if (!ok) return std::unexpected(ok.error().detail);
  return {};
}

codecs::result<codecs::image> make_picture(std::uint32_t side, std::uint32_t seed) {
  auto made = codecs::image::make(codecs::pixel_layout::rgb, side, side, 8);
  if (!made) return made;
  std::mt19937 dice(seed);
  for (std::uint32_t y = 0; y < side; ++y)
    for (std::uint32_t x = 0; x < 3 * side; ++x)
      made->row(y)[x] = static_cast<std::uint8_t>((x + y) * 200 / (4 * side) + dice() % 56);
  return made;
}

base::result<void, std::string> write_picture(const picture_kind& kind, const std::string& path,
                                              std::uint32_t seed) {
  const auto picture = make_picture(kind.side, seed);
  if (!picture) return std::unexpected(picture.error().detail);
  const base::unique_fd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!file) return std::unexpected(persistence::last_error("making " + path).text());
  codecs::output_sink sink(file.get(), limits::output_bytes_max);
  const domain::output_spec options{.format = kind.format, .effort = kind.effort};
  const auto ok = text_of(
      codecs::find_format(kind.format)->encode({*picture, codecs::metadata{}, options}, sink));
  if (!ok) return std::unexpected(ok.error());
  return {};
}

base::result<void, std::string> write_text(const std::string& path, const std::string& text) {
  const base::unique_fd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!file) return std::unexpected(persistence::last_error("making " + path).text());
  const auto ok = persistence::write_all(
      file.get(), {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, path);
  if (!ok) return std::unexpected(ok.error().text());
  return {};
}

} // namespace

base::result<std::vector<crash_sample>, std::string> make_crash_samples(const std::string& folder) {
  if (auto ok = persistence::make_directories(folder); !ok)
    return std::unexpected(ok.error().text());
  std::vector<std::string> files;
  std::uint32_t n = 0;
  for (const auto& kind : kinds) {
    const auto path = folder + "/p" + std::to_string(n) + '.' + kind.format;
    if (auto ok = write_picture(kind, path, ++n); !ok) return std::unexpected(ok.error());
    files.push_back(path);
  }
  for (const auto* text : {"\xff\xd8\xff\xe0 this is no picture", "\x89PNG\r\n\x1a\nnor is this"}) {
    const auto path =
        folder + "/broken" + std::to_string(n++) + (files.size() % 2 == 0 ? ".jpg" : ".png");
    if (auto ok = write_text(path, text); !ok) return std::unexpected(ok.error());
    files.push_back(path);
  }
  return read_crash_samples(files);
}

base::result<std::vector<crash_sample>, std::string>
read_crash_samples(const std::vector<std::string>& files) {
  std::vector<crash_sample> samples;
  for (const auto& path : files) {
    const auto file = persistence::open_for_reading(path);
    if (!file) return std::unexpected(file.error().text());
    struct stat about{};
    const auto sums = persistence::sums_of(file->get());
    if (!sums || ::fstat(file->get(), &about) != 0)
      return std::unexpected(path + " cannot be read");
    auto extension = std::filesystem::path(path).extension().string();
    if (extension.starts_with('.')) extension.erase(0, 1);
    samples.push_back({path, extension, persistence::to_hex(sums->sha256),
                       static_cast<std::uint64_t>(about.st_size)});
  }
  return samples;
}

const std::vector<std::string>& crash_specs() {
  static const std::vector<std::string> specs{
      R"({"outputs":[{"format":"webp","quality":80,"effort":2}]})",
      R"({"outputs":[{"format":"jpeg","quality":70,"resize":{"width":64,"height":64}}]})",
      R"({"outputs":[{"format":"png","effort":1}]})",
      R"({"outputs":[{"format":"webp","effort":4},{"format":"jpeg","suffix":"-small","resize":{"width":32,"height":32}}]})"};
  return specs;
}

} // namespace darkroom::app
