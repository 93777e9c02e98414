#include "codecs/colour.hpp"

#include "codecs/limits.hpp"
#include "pictures.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstring>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace darkroom::tests;
using domain::rendering_intent;

namespace {

byte_vector linear_profile(bool grey = false) {
  return profile_of({.gamma = 100'000, .chromaticity = {}, .srgb_intent = {}, .cicp = {}}, grey);
}

void put_u32(byte_vector& icc, std::size_t at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i)
    icc[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

colorimetry cicp(std::uint8_t primaries, std::uint8_t transfer, std::uint8_t matrix = 0,
                 std::uint8_t full_range = 1) {
  colorimetry colour;
  colour.cicp = {primaries, transfer, matrix, full_range};
  return colour;
}

} // namespace

TEST_CASE("a profile that no reader could follow is refused") {
  const auto good = linear_profile();
  const auto with = [&](std::size_t at, std::uint32_t value) {
    auto icc = good;
    put_u32(icc, at, value);
    return icc;
  };
  const auto size = static_cast<std::uint32_t>(good.size());
  std::vector<byte_vector> bad{{},
                               byte_vector(131),
                               byte_vector(good.begin(), good.begin() + 131),
                               byte_vector(good.begin(), good.end() - 1),
                               with(0, size + 1),
                               with(0, 0),
                               with(0, 131),
                               with(36, 0),
                               with(12, 0x6c696e6b), // link
                               with(12, 0x6e6d636c), // nmcl
                               with(128, limits::icc_tags_max + 1),
                               with(128, 0xffffffff),
                               with(136, 0xfffffff0),  // the first tag's offset
                               with(140, 0xfffffff0)}; // and its size
  for (auto& icc : bad)
    CHECK_FALSE(check_profile(icc));
  auto huge = good;
  huge.resize(limits::icc_bytes_max + 1);
  CHECK_FALSE(check_profile(huge));
}

TEST_CASE("a profile that others wrote a little wrong is taken") {
  const auto good = linear_profile();
  auto padded = good;
  padded.insert(padded.end(), {0, 0, 0});
  CHECK(check_profile(padded));
  CHECK(padded == good);
  auto d65 = good; // the illuminant of the header
  put_u32(d65, 68, 0xf351);
  put_u32(d65, 76, 0x116cc);
  CHECK(check_profile(d65));
  auto odd_intent = good;
  put_u32(odd_intent, 64, 77);
  CHECK(check_profile(odd_intent));
  auto unaligned = good;
  unaligned.insert(unaligned.end(), good.end() - 1, good.end());
  put_u32(unaligned, 0, static_cast<std::uint32_t>(unaligned.size()));
  CHECK(check_profile(unaligned));
}

TEST_CASE("every bit of a profile may be wrong") {
  const auto good = linear_profile();
  const auto grey = solid(pixel_layout::rgb, 2, 1, {100, 150, 200});
  for (std::size_t at = 0; at < good.size(); ++at)
    for (const std::uint8_t value : {0x00, 0x7f, 0xff}) {
      auto icc = good;
      icc[at] = value;
      if (check_profile(icc)) (void)to_srgb(grey, icc, rendering_intent::relative);
    }
  SUCCEED("the sanitizers watch this one");
}

TEST_CASE("cICP becomes the profile that it names") {
  CHECK(profile_of(cicp(1, 13), false).empty()); // sRGB needs none
  for (const std::uint8_t primaries : {1, 9, 12})
    for (const std::uint8_t transfer : {1, 4, 5, 6, 8, 13, 14, 15}) {
      if (primaries == 1 && transfer == 13) continue;
      auto icc = profile_of(cicp(primaries, transfer), false);
      CHECK(check_profile(icc));
      CHECK(profile_fits(icc, pixel_layout::rgb));
      CHECK(profile_fits(profile_of(cicp(primaries, transfer), true), pixel_layout::grey));
    }
  for (const auto& unknown : {cicp(1, 16), cicp(9, 18), cicp(2, 13), cicp(1, 2), cicp(12, 13, 1),
                              cicp(12, 13, 0, 0), cicp(255, 255)})
    CHECK(profile_of(unknown, false).empty());
  CHECK(is_hdr(cicp(9, 16)));
  CHECK(is_hdr(cicp(9, 18)));
  CHECK_FALSE(is_hdr(cicp(9, 14)));
  CHECK_FALSE(is_hdr({}));
}

TEST_CASE("the red of Display P3 is beyond sRGB, its greys are the same") {
  const auto p3 = profile_of(cicp(12, 13), false);
  const auto converted = [&](std::initializer_list<std::uint16_t> colour) {
    const auto made =
        to_srgb(solid(pixel_layout::rgb, 1, 1, colour), p3, rendering_intent::relative);
    REQUIRE(made);
    REQUIRE(*made);
    return std::array<int, 3>{(**made).row(0)[0], (**made).row(0)[1], (**made).row(0)[2]};
  };
  const auto grey = converted({128, 128, 128});
  for (const int v : grey)
    CHECK(std::abs(v - 128) <= 1);
  const auto red = converted({200, 50, 50}); // (216, 30, 42) by the matrices of both
  CHECK(red[0] > 208);
  CHECK(red[1] < 45);
}

TEST_CASE("a grey profile is said again for RGB") {
  auto rgb = profile_of_grey_in_rgb(linear_profile(true));
  CHECK(check_profile(rgb));
  CHECK(profile_fits(rgb, pixel_layout::rgb));
  CHECK(profile_of_grey_in_rgb(linear_profile(false)).empty());
  CHECK(profile_of_grey_in_rgb({}).empty());
  // Half of the light, both ways.
  const auto by_grey = to_srgb(solid(pixel_layout::grey, 1, 1, {128}), linear_profile(true),
                               rendering_intent::relative);
  const auto by_rgb =
      to_srgb(solid(pixel_layout::rgb, 1, 1, {128, 128, 128}), rgb, rendering_intent::relative);
  REQUIRE(by_grey->has_value());
  REQUIRE(by_rgb->has_value());
  for (int c = 0; c < 3; ++c)
    CHECK(std::abs((**by_grey).row(0)[c] - (**by_rgb).row(0)[c]) <= 1);
}
