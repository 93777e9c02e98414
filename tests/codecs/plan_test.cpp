#include "codecs/conversion_plan.hpp"

#include "codecs/limits.hpp"

#include "pictures.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::codecs;
using namespace darkroom::tests;
using domain::failure_reason;

namespace {

image_info photo(std::uint32_t width = 4032, std::uint32_t height = 3024) {
  return {.format = "jpeg", .width = width, .height = height, .channels = 3, .yuv420 = true};
}

} // namespace

TEST_CASE("a picture whose header nobody has read may take what small ones do") {
  const auto plan = plan_unread(10'000, spec_to("webp"));
  CHECK(plan.memory_bytes == limits::unread_memory_bytes);
  CHECK(plan.cpu_ms_max == limits::cpu_base_ms + limits::cpu_ms_per_megapixel);
  CHECK(plan.cost < plan_unread(60'000, spec_to("webp")).cost);
  const auto slow = spec_to("webp", [](auto& o) { o.lossless = true; });
  CHECK(plan_unread(10'000, slow).cost > plan.cost);
  CHECK(plan_unread(10'000, slow).cpu_ms_max > plan.cpu_ms_max);
  CHECK(plan_unread(10'000, spec_to("no such format")).cost != 0);
  // As of a picture of that size, about.
  const auto read = plan_conversion(photo(200, 200), 10'000, spec_to("webp"));
  CHECK(read->memory_bytes <= plan.memory_bytes);
  CHECK(read->cost <= 2 * plan.cost);
  CHECK(plan.cost <= 2 * read->cost);
}

TEST_CASE("a 4:2:0 photo stays Y, U, V as long as no step needs RGB") {
  CHECK(plan_conversion(photo(), 1, spec_to("webp"))->yuv420);
  CHECK(plan_conversion(photo(), 1, spec_to("jpeg"))->yuv420);
  CHECK_FALSE(plan_conversion(photo(), 1, spec_to("png"))->yuv420);
  CHECK_FALSE(
      plan_conversion(photo(), 1, spec_to("webp", [](auto& o) { o.lossless = true; }))->yuv420);
  CHECK_FALSE(
      plan_conversion(photo(), 1,
                      spec_to("jpeg", [](auto& o) { o.chroma = domain::chroma_subsampling::s444; }))
          ->yuv420);
  auto srgb = spec_to("webp");
  srgb.icc = domain::icc_policy::srgb;
  CHECK(plan_conversion(photo(), 1, srgb)->yuv420);
  auto with_profile = photo();
  with_profile.icc_bytes = 500;
  CHECK_FALSE(plan_conversion(with_profile, 1, srgb)->yuv420);
  auto odd = photo(4031, 3024);
  odd.orientation = 3;
  CHECK_FALSE(plan_conversion(odd, 1, spec_to("webp"))->yuv420);
}

TEST_CASE("a smaller output asks for a smaller decode, turned as the picture is stored") {
  auto turned = photo();
  turned.orientation = 6;
  const auto plan = plan_conversion(
      turned, 1, spec_to("webp", [](auto& o) { o.resize = domain::resize_spec{600, 800}; }));
  REQUIRE(plan);
  CHECK(plan->outputs[0].resize.scaled_width == 600);
  CHECK(plan->outputs[0].resize.scaled_height == 800);
  CHECK(plan->width_min == 800);
  CHECK(plan->height_min == 600);
  CHECK(plan->scale_denominator == 4);
  CHECK_FALSE(plan->yuv420);
}

TEST_CASE("several outputs are served by one decode that is large enough for all") {
  auto spec = spec_to("webp", [](auto& o) { o.resize = domain::resize_spec{400, 400}; });
  spec.outputs.push_back({.format = "jpeg", .resize = domain::resize_spec{2000, 2000}});
  CHECK(plan_conversion(photo(), 1, spec)->scale_denominator == 2);
}

TEST_CASE("what cannot be is refused by the header alone") {
  auto animated = photo();
  animated.frames = 3;
  CHECK(plan_conversion(animated, 1, spec_to("webp")).error().reason ==
        failure_reason::unsupported_format);
  CHECK(plan_conversion(photo(16'384, 10), 1, spec_to("webp")).error().reason ==
        failure_reason::output_dimension_unsupported);
  CHECK(plan_conversion(photo(16'384, 10), 1, spec_to("png")));
  CHECK(plan_conversion(photo(), 1, spec_to("gif")).error().reason ==
        failure_reason::unsupported_format);
}

TEST_CASE("only a decoder that needs its whole input pays for the input's bytes") {
  auto webp = photo();
  webp.format = "webp";
  webp.yuv420 = false;
  const auto memory = [](const image_info& info, std::uint64_t bytes) {
    return plan_conversion(info, bytes, spec_to("jpeg"))->memory_bytes;
  };
  CHECK(memory(photo(), 900'000'000) == memory(photo(), 1));
  CHECK(memory(webp, 900'000'000) > memory(webp, 1) + 800'000'000);
}

TEST_CASE("a conversion to sRGB is foreseen whatever says that it is needed") {
  metadata linear;
  linear.colour.gamma = 100'000;
  const auto picture = gradient(pixel_layout::grey, 1'000, 1'000);
  const auto plain = probed(encoded("png", picture));
  const auto gamma = probed(encoded("png", picture, linear));
  REQUIRE(plain);
  REQUIRE(gamma);
  CHECK_FALSE(plain->colorimetry);
  CHECK(gamma->colorimetry);
  auto spec = spec_to("png");
  const auto memory = [&](const image_info& info) {
    return plan_conversion(info, 1'000, spec)->memory_bytes;
  };
  CHECK(memory(*gamma) == memory(*plain));
  spec.icc = domain::icc_policy::srgb;
  // Grey becomes RGB: three megabytes beside one.
  CHECK(memory(*gamma) >= memory(*plain) + 2'000'000);
}

TEST_CASE("time and cost grow with the output, and with what is asked of it") {
  const auto plain = plan_conversion(photo(), 1, spec_to("webp"));
  const auto lossless =
      plan_conversion(photo(), 1, spec_to("webp", [](auto& o) { o.lossless = true; }));
  const auto small = plan_conversion(
      photo(), 1, spec_to("webp", [](auto& o) { o.resize = domain::resize_spec{100, 100}; }));
  CHECK(plain->cpu_ms_max == 10'000 + 2'000 * 13);
  CHECK(lossless->cpu_ms_max == 10'000 + 6'000 * 13);
  CHECK(small->cpu_ms_max == 12'000);
  constexpr std::uint64_t pixels = 4032 * 3024;
  CHECK(plain->cost == 1'200 + pixels / 80 + pixels / 20);
  CHECK(lossless->cost == 1'200 + pixels / 80 + pixels * 3 / 20);
  CHECK(lossless->cost > plain->cost);
  CHECK(small->cost < plain->cost);
  CHECK(lossless->memory_bytes > plain->memory_bytes);
  CHECK(small->memory_bytes < plain->memory_bytes);
}
