#include "pictures.hpp"
#include "codecs/limits.hpp"

#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

namespace darkroom::tests {

using namespace codecs;

namespace {

class memory_file {
public:
  explicit memory_file(const std::string& content = "") : fd_(::memfd_create("test", MFD_CLOEXEC)) {
    REQUIRE(fd_ >= 0);
    REQUIRE(::pwrite(fd_, content.data(), content.size(), 0) ==
            static_cast<ssize_t>(content.size()));
  }
  ~memory_file() { ::close(fd_); }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  int fd() const { return fd_; }
  std::string content() const {
    std::string bytes(static_cast<std::size_t>(::lseek(fd_, 0, SEEK_END)), 0);
    REQUIRE(::pread(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    return bytes;
  }

private:
  int fd_;
};

std::uint32_t sample(const image& pixels, std::size_t i) {
  return pixels.depth() == 8 ? pixels.data()[i]
                             : reinterpret_cast<const std::uint16_t*>(pixels.data())[i];
}

void put(image& pixels, std::size_t i, std::uint32_t value) {
  if (pixels.depth() == 8)
    pixels.data()[i] = static_cast<std::uint8_t>(value);
  else
    reinterpret_cast<std::uint16_t*>(pixels.data())[i] = static_cast<std::uint16_t>(value);
}

} // namespace

image gradient(pixel_layout layout, std::uint32_t width, std::uint32_t height, std::uint8_t depth) {
  auto made = image::make(layout, width, height, depth);
  REQUIRE(made);
  const std::uint32_t top = depth == 8 ? 255 : 65'535;
  std::size_t i = 0;
  for (std::uint32_t y = 0; y < height; ++y)
    for (std::uint32_t x = 0; x < width; ++x)
      for (std::uint32_t c = 0; c < made->channels(); ++c) {
        const std::uint32_t part[4] = {x * top / width, y * top / height,
                                       (x + 2 * y) * top / (width + 2 * height),
                                       (width - x) * top / width};
        put(*made, i++, part[c]);
      }
  return std::move(*made);
}

image noise(pixel_layout layout, std::uint32_t width, std::uint32_t height) {
  auto made = gradient(layout, width, height);
  std::mt19937 dice(1);
  for (std::size_t i = 0; i < made.bytes(); ++i)
    made.data()[i] = static_cast<std::uint8_t>(made.data()[i] / 2 + dice() % 128);
  return made;
}

image solid(pixel_layout layout, std::uint32_t width, std::uint32_t height,
            std::initializer_list<std::uint16_t> samples, std::uint8_t depth) {
  auto made = image::make(layout, width, height, depth);
  REQUIRE(made);
  const std::vector<std::uint16_t> pixel(samples);
  for (std::size_t i = 0; i < made->bytes() / (depth / 8); ++i)
    put(*made, i, pixel[i % pixel.size()]);
  return std::move(*made);
}

std::string encoded(const std::string& format, const image& pixels, const metadata& meta,
                    domain::output_spec options) {
  options.format = format;
  const memory_file file;
  output_sink sink(file.fd(), limits::output_bytes_max);
  REQUIRE(find_format(format) != nullptr);
  const auto ok = find_format(format)->encode({pixels, meta, options}, sink);
  INFO((ok ? "" : ok.error().detail));
  REQUIRE(ok);
  CHECK(file.content().size() == sink.bytes());
  return file.content();
}

result<decoded_image> decoded(const std::string& file, bool strict, decode_way way) {
  const memory_file source(file);
  input_stream in(source.fd(), file.size());
  const auto* format = sniff_format(in.peek());
  REQUIRE(format != nullptr);
  return format->decode(in, {{}, strict},
                        [&](const image_info&) -> result<decode_way> { return way; });
}

result<image_info> probed(const std::string& file, const input_limits& limits) {
  const memory_file source(file);
  return codecs::probe(source.fd(), file.size(), limits);
}

result<converted> convert(const std::string& file, const domain::conversion_spec& spec,
                          const input_limits& limits, const std::optional<pixel_area>& crop) {
  const memory_file source(file);
  std::vector<std::unique_ptr<memory_file>> files;
  std::vector<int> fds;
  for (std::size_t i = 0; i < spec.outputs.size(); ++i) {
    files.push_back(std::make_unique<memory_file>());
    fds.push_back(files.back()->fd());
  }
  auto done = codecs::convert({source.fd(), file.size(), spec, limits, fds, {}, crop});
  if (!done) return std::unexpected(done.error());
  converted out{std::move(*done), {}};
  for (std::size_t i = 0; i < files.size(); ++i) {
    out.outputs.push_back(files[i]->content());
    CHECK(out.outputs[i].size() == out.report.outputs[i].bytes);
  }
  return out;
}

domain::conversion_spec spec_to(const std::string& format,
                                const std::function<void(domain::output_spec&)>& change) {
  domain::conversion_spec spec;
  spec.outputs.push_back({.format = format});
  if (change) change(spec.outputs[0]);
  return spec;
}

double psnr(const image& a, const image& b) {
  REQUIRE(a.width() == b.width());
  REQUIRE(a.height() == b.height());
  REQUIRE(a.layout() == b.layout());
  REQUIRE(a.depth() == b.depth());
  const std::size_t samples = a.bytes() / (a.depth() / 8);
  double sum = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    const double d = double(sample(a, i)) - double(sample(b, i));
    sum += d * d;
  }
  if (sum == 0) return std::numeric_limits<double>::infinity();
  const double top = a.depth() == 8 ? 255 : 65'535;
  return 10 * std::log10(top * top * static_cast<double>(samples) / sum);
}

bool equal(const image& a, const image& b) {
  return a.width() == b.width() && a.height() == b.height() && a.layout() == b.layout() &&
         a.depth() == b.depth() && std::isinf(psnr(a, b));
}

byte_vector sample_exif(std::uint8_t orientation, bool big_endian) {
  byte_vector out;
  const auto u16 = [&](unsigned v) {
    out.push_back(static_cast<std::uint8_t>(big_endian ? v >> 8 : v));
    out.push_back(static_cast<std::uint8_t>(big_endian ? v : v >> 8));
  };
  const auto u32 = [&](unsigned v) {
    u16(big_endian ? v >> 16 : v & 0xffff);
    u16(big_endian ? v & 0xffff : v >> 16);
  };
  const auto entry = [&](unsigned tag, unsigned type, unsigned count, unsigned value) {
    u16(tag);
    u16(type);
    u32(count);
    if (type == 3 && count == 1) {
      u16(value);
      u16(0);
    } else {
      u32(value);
    }
  };
  out = {static_cast<std::uint8_t>(big_endian ? 'M' : 'I'),
         static_cast<std::uint8_t>(big_endian ? 'M' : 'I')};
  u16(42);
  u32(8);
  u16(3); // at 8: main directory
  entry(0x0112, 3, 1, orientation);
  entry(0x8769, 4, 1, 50); // EXIF directory
  entry(0x8825, 4, 1, 80); // GPS directory
  u32(122);                // at 46: the thumbnail's directory
  u16(2);                  // at 50
  entry(0xa002, 4, 1, 4000);
  entry(0xa003, 3, 1, 3000);
  u32(0);                       // at 76
  u16(1);                       // at 80: GPS
  entry(0x0002, 5, 3, 98);      // latitude: three rationals at 98
  u32(0);                       // at 94
  for (int i = 0; i < 3; ++i) { // at 98
    u32(48);
    u32(1);
  }
  u16(2); // at 122: thumbnail
  entry(0x0201, 4, 1, 152);
  entry(0x0202, 4, 1, 6);
  u32(0); // at 148
  for (const char c : {'t', 'h', 'u', 'm', 'b', '!'})
    out.push_back(static_cast<std::uint8_t>(c));
  return out;
}

std::string corpus(const std::string& below) {
  const char* named = std::getenv("DARKROOM_CORPUS");
  const std::string root =
      named != nullptr ? named : std::string{DARKROOM_SOURCE_DIR} + "/../shared/corpus";
  if (!std::filesystem::is_directory(root + '/' + below))
    SKIP("the corpus of real images is not there; set DARKROOM_CORPUS");
  return root + '/' + below;
}

} // namespace darkroom::tests
