#include "app/crash_test/samples.hpp"

#include "base/result.hpp"
#include "codecs/format.hpp"
#include "codecs/limits.hpp"
#include "persistence/files.hpp"

#include <array>
#include <fcntl.h>
#include <filesystem>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

namespace darkroom::app {

namespace {

struct picture_size {
  std::uint32_t side;
  std::uint8_t effort;
};

// Of each format. The large ones take long enough to be killed in the middle.
constexpr picture_size sizes[] = {{32, 4}, {300, 4}, {900, 1}};

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

base::result<void, std::string> write_picture(const codecs::format_row& format, picture_size size,
                                              const std::string& path, std::uint32_t seed) {
  const auto picture = make_picture(size.side, seed);
  if (!picture) return std::unexpected(picture.error().detail);
  const base::unique_fd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!file) return std::unexpected(persistence::last_error("making " + path).text());
  codecs::output_sink sink(file.get(), limits::output_bytes_max);
  const domain::output_spec options{.format = std::string{format.name}, .effort = size.effort};
  const auto ok = text_of(format.encode({*picture, codecs::metadata{}, options}, sink));
  if (!ok) return std::unexpected(ok.error());
  return {};
}

// Begins like a file of its format and then is none: the head of a real one, followed by text.
base::result<void, std::string> write_broken(const std::string& picture, const std::string& path) {
  const auto real = persistence::open_for_reading(picture);
  if (!real) return std::unexpected(real.error().text());
  std::array<std::uint8_t, 16> head{}; // what formats are told by
  if (::pread(real->get(), head.data(), head.size(), 0) != static_cast<ssize_t>(head.size()))
    return std::unexpected(picture + " cannot be read");
  const base::unique_fd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!file) return std::unexpected(persistence::last_error("making " + path).text());
  std::vector<std::uint8_t> bytes(head.begin(), head.end());
  const std::string_view text = " this is no picture";
  bytes.insert(bytes.end(), text.begin(), text.end());
  if (auto ok = persistence::write_all(file.get(), bytes, path); !ok)
    return std::unexpected(ok.error().text());
  return {};
}

} // namespace

base::result<std::vector<crash_sample>, std::string> make_crash_samples(const std::string& folder) {
  if (auto ok = persistence::make_directories(folder); !ok)
    return std::unexpected(ok.error().text());
  std::vector<std::string> files;
  std::uint32_t n = 0;
  for (const auto& format : codecs::formats()) {
    if (format.encode == nullptr) continue;
    const auto path_of = [&](const std::string& name) {
      const auto base_name = name + std::to_string(n) + '.';
      return (std::filesystem::path(folder) / base_name).string().append(format.extension);
    };
    for (const auto size : sizes) {
      files.push_back(path_of("p"));
      if (auto ok = write_picture(format, size, files.back(), ++n); !ok)
        return std::unexpected(ok.error());
    }
    const auto broken = path_of("broken");
    if (auto ok = write_broken(files.back(), broken); !ok) return std::unexpected(ok.error());
    files.push_back(broken);
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
  static const std::vector<std::string> specs = [] {
    std::vector<std::string> made;
    std::string small; // of the format before
    for (const auto& format : codecs::output_formats()) {
      const auto begin = R"({"format":")" + format.name + R"(","quality":75,)";
      made.push_back(R"({"outputs":[)" + begin + R"("effort":2}]})");
      if (!small.empty())
        made.push_back((R"({"outputs":[)" + begin + R"("effort":4},)").append(small).append("]}"));
      small = begin + R"("suffix":"-small","resize":{"width":64,"height":64}})";
    }
    made.push_back(R"({"outputs":[)" + small + "]}");
    return made;
  }();
  return specs;
}

} // namespace darkroom::app
