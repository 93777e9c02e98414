#include "domain/conversion_spec.hpp"
#include "domain/limits.hpp"

#include "domain/failure_reason.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom::domain;

namespace {

conversion_spec with(output_spec output) {
  conversion_spec spec;
  spec.outputs.push_back(std::move(output));
  return spec;
}

std::string refused_at(const conversion_spec& spec) {
  const auto ok = validate(spec);
  return ok ? "" : ok.error().pointer;
}

} // namespace

TEST_CASE("a spec is checked, and the error points at what is wrong") {
  CHECK(refused_at(with({.format = "webp"})).empty());
  CHECK(refused_at({}) == "/outputs");
  CHECK(refused_at(with({.format = ""})) == "/outputs/0/format");
  CHECK(refused_at(with({.format = "webp", .quality = 101})) == "/outputs/0/quality");
  CHECK(refused_at(with({.format = "webp", .effort = 7})) == "/outputs/0/effort");
  CHECK(refused_at(with({.format = "webp", .suffix = "a/b"})) == "/outputs/0/suffix");
  CHECK(refused_at(with({.format = "webp", .suffix = std::string("a\0b", 3)})) ==
        "/outputs/0/suffix");
  CHECK(refused_at(with({.format = "webp", .resize = resize_spec{}})) == "/outputs/0/resize");
  CHECK(refused_at(with(
            {.format = "webp", .resize = resize_spec{.width = 100, .mode = resize_mode::fill}})) ==
        "/outputs/0/resize/mode");
  CHECK(refused_at(with({.format = "webp", .resize = resize_spec{.width = 20'000}})) ==
        "/outputs/0/resize");
  auto many = with({.format = "webp"});
  many.outputs.resize(darkroom::limits::outputs_max + 1, many.outputs[0]);
  CHECK(refused_at(many) == "/outputs");
  auto saving = with({.format = "webp"});
  saving.min_saving_percent = 100;
  CHECK(refused_at(saving) == "/min_saving_percent");
}

TEST_CASE("a resize is written as people write it") {
  CHECK(parse_resize("1600x900") == resize_spec{.width = 1600, .height = 900});
  CHECK(parse_resize("1600x") == resize_spec{.width = 1600});
  CHECK(parse_resize("x900") == resize_spec{.height = 900});
  for (const auto* text :
       {"", "x", "1600", "0x0", "-1x5", "1600x900x2", "ax5", "5xb", "99999999999x1"})
    CHECK_FALSE(parse_resize(text));
}

TEST_CASE("a colour is written as on the web") {
  CHECK(parse_colour("#ff8000") == rgb_colour{255, 128, 0});
  CHECK(to_string(rgb_colour{255, 128, 0}) == "#ff8000");
  for (const auto* text : {"", "ff8000", "#ff800", "#ff80000", "#gg8000", "#-18000"})
    CHECK_FALSE(parse_colour(text));
}

TEST_CASE("every reason has a name that reads back, and a sentence") {
  for (const auto reason : darkroom::base::enum_values<failure_reason>()) {
    CHECK(darkroom::base::parse_enum<failure_reason>(to_string(reason)) == reason);
    CHECK(explain(reason) != "unknown");
  }
  CHECK_FALSE(darkroom::base::parse_enum<failure_reason>("bad_luck"));
}

TEST_CASE("every loss has a name that reads back; a set of them is a set") {
  loss_set all;
  for (const auto l : darkroom::base::enum_values<loss>()) {
    CHECK(darkroom::base::parse_enum<loss>(to_string(l)) == l);
    all.add(l);
  }
  CHECK(all.list().size() == darkroom::base::enum_count<loss>);
  loss_set foreign{~0u};
  foreign.drop_unknown();
  CHECK(foreign == all);
}
