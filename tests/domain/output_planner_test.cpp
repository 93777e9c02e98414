#include "domain/output_planner.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom::domain;

namespace {

output_planner planner(collision_policy collision = collision_policy::rename,
                       const std::string& suffix = "") {
  conversion_spec spec;
  spec.outputs.push_back({.format = "webp", .suffix = suffix});
  spec.collision = collision;
  return {spec, {"webp"}};
}

std::string name(output_planner& p, const char* path) {
  const auto planned = p.plan(path);
  return planned ? planned->at(0) : "collision with " + planned.error().output;
}

} // namespace

TEST_CASE("an output's name is the file's with another extension") {
  auto p = planner();
  CHECK(name(p, "a.jpg") == "a.webp");
  CHECK(name(p, "b/a.jpg") == "b/a.webp");
  CHECK(name(p, "b/c.tar.png") == "b/c.tar.webp");
  CHECK(name(p, "d.e/f") == "d.e/f.webp");
  CHECK(name(p, ".hidden") == ".hidden.webp");
  CHECK(name(p, "g/.hidden") == "g/.hidden.webp");
}

TEST_CASE("the later of two that want one name gets a number") {
  auto p = planner();
  CHECK(name(p, "a.jpg") == "a.webp");
  CHECK(name(p, "a.png") == "a-2.webp");
  CHECK(name(p, "a-2.png") == "a-2-2.webp");
  CHECK(name(p, "a.jpeg") == "a-3.webp");
}

TEST_CASE("names that are taken stay taken") {
  auto p = planner();
  p.reserve("a.webp");
  CHECK(name(p, "a.jpg") == "a-2.webp");
}

TEST_CASE("a collision can be an error") {
  auto p = planner(collision_policy::fail);
  CHECK(name(p, "a.jpg") == "a.webp");
  CHECK(name(p, "a.png") == "collision with a.webp");
}

TEST_CASE("several outputs of one file have names of their own") {
  conversion_spec spec;
  spec.outputs = {{.format = "webp", .suffix = "-small"}, {.format = "jpeg"}, {.format = "jpeg"}};
  output_planner p(spec, {"webp", "jpg", "jpg"});
  CHECK(p.plan("x/a.png") == std::vector<std::string>{"x/a-small.webp", "x/a.jpg", "x/a-2.jpg"});
}
