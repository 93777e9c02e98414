#include "codecs/png_filter.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstdlib>
#include <numeric>
#include <random>
#include <vector>

using namespace darkroom::codecs;

namespace {

using bytes = std::vector<std::uint8_t>;

bytes random_bytes(std::size_t size, unsigned seed) {
  std::mt19937 dice(seed);
  bytes out(size);
  for (auto& b : out)
    b = static_cast<std::uint8_t>(dice());
  return out;
}

bytes filtered(png_filter filter, const bytes& row, const bytes& above, std::size_t pixel_bytes) {
  bytes out(row.size() + 1), scratch(row.size() + 1);
  filter_row(filter, {row.data(), above.data(), row.size(), pixel_bytes}, out.data(),
             scratch.data());
  return out;
}

// As the specification has it: Recon(x) = Filt(x) + prediction.
bytes reconstructed(const bytes& line, const bytes& above, std::size_t pixel_bytes) {
  bytes row(line.size() - 1);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const int a = i >= pixel_bytes ? row[i - pixel_bytes] : 0;
    const int b = above[i];
    const int c = i >= pixel_bytes ? above[i - pixel_bytes] : 0;
    const int p = a + b - c;
    const int to_a = std::abs(p - a), to_b = std::abs(p - b), to_c = std::abs(p - c);
    const int paeth = to_a <= to_b && to_a <= to_c ? a : to_b <= to_c ? b : c;
    const int predictions[] = {0, a, b, (a + b) / 2, paeth};
    row[i] = static_cast<std::uint8_t>(line[i + 1] + predictions[line[0]]);
  }
  return row;
}

} // namespace

TEST_CASE("every filter can be undone by the formulas of the specification") {
  for (const std::size_t pixel_bytes : {1u, 2u, 3u, 4u, 6u, 8u})
    for (const std::size_t pixels : {1u, 2u, 5u, 64u, 333u}) {
      const auto row = random_bytes(pixels * pixel_bytes, 1);
      const auto above = random_bytes(pixels * pixel_bytes, 2);
      for (const auto filter : {png_filter::none, png_filter::sub, png_filter::up,
                                png_filter::average, png_filter::paeth}) {
        INFO(pixel_bytes << " bytes a pixel, " << pixels << " pixels, filter "
                         << static_cast<int>(filter));
        const auto line = filtered(filter, row, above, pixel_bytes);
        CHECK(line[0] == static_cast<int>(filter));
        CHECK(reconstructed(line, above, pixel_bytes) == row);
      }
    }
}

TEST_CASE("the adaptive filter takes what leaves least of a row") {
  bytes ramp(300);
  std::iota(ramp.begin(), ramp.end(), std::uint8_t{0});
  const bytes zeros(300);
  CHECK(filtered(png_filter::adaptive, ramp, zeros, 1)[0] == 1);
  CHECK(filtered(png_filter::adaptive, ramp, ramp, 1)[0] == 2);
  CHECK(filtered(png_filter::adaptive, zeros, ramp, 1)[0] == 0);
  CHECK(reconstructed(filtered(png_filter::adaptive, ramp, ramp, 1), ramp, 1) == ramp);
}
