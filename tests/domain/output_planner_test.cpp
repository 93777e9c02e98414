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
  CHECK(p.plan("x/a.png").value() ==
        std::vector<std::string>{"x/a-small.webp", "x/a.jpg", "x/a-2.jpg"});
}

TEST_CASE("a plan that is refused keeps none of its names") {
  conversion_spec spec;
  spec.outputs = {{.format = "webp"}, {.format = "webp", .suffix = "-s"}};
  spec.collision = collision_policy::fail;
  output_planner p(spec, {"webp", "webp"});
  p.reserve("a-s.webp");
  CHECK_FALSE(p.plan("a.jpg"));
  p.release("a-s.webp");
  CHECK(p.plan("a.jpg").value() == std::vector<std::string>{"a.webp", "a-s.webp"});
}

TEST_CASE("names that differ only in case, or in the form of an accent, are kept apart") {
  auto p = planner();
  CHECK(name(p, "A.jpg") == "A.webp");
  CHECK(name(p, "a.jpg") == "a-2.webp");
  CHECK(name(p, "D/x.jpg") == "D/x.webp");
  CHECK(name(p, "d/X.jpg") == "d/X-2.webp");
  CHECK(name(p, "\xc3\x89.jpg") == "\xc3\x89.webp");     // É
  CHECK(name(p, "e\xcc\x81.jpg") == "e\xcc\x81-2.webp"); // e and its accent
  CHECK(name(p, "\xff.jpg") == "\xff.webp");
  CHECK(name(p, "\xfe.jpg") == "\xfe.webp");
  p.release("A.webp");
  CHECK(name(p, "a.png") == "a.webp");
}

TEST_CASE("names that Windows cannot write become others, which are kept apart") {
  auto p = planner();
  CHECK(name(p, "con.jpg") == "con_.webp");
  CHECK(name(p, "con_.jpg") == "con_-2.webp");
  CHECK(name(p, "Aux/COM1.tar.jpg") == "Aux_/COM1_.tar.webp");
  CHECK(name(p, "a:b.jpg") == "a_b.webp");
  CHECK(name(p, "a?b.jpg") == "a_b-2.webp");
  CHECK(name(p, "dir./x.jpg") == "dir_/x.webp");
  CHECK(name(p, "dir /x.jpg") == "dir_/x-2.webp");
  CHECK(name(p, "dots../x.jpg") == "dots__/x.webp");
  CHECK(name(p, "a\\b.jpg") == "a_b-3.webp");
  CHECK(name(p, "line\nbreak.jpg") == "line_break.webp");
  CHECK(name(p, "common.jpg") == "common.webp"); // no device
  CHECK(name(p, "com0.jpg") == "com0.webp");
}

TEST_CASE("a name that would be too long is cut, between characters, and keeps its end") {
  auto p = planner(collision_policy::rename, "-s");
  const auto first = name(p, ("d/" + std::string(251, 'x') + ".jpg").c_str());
  CHECK(first == "d/" + std::string(248, 'x') + "-s.webp");
  const auto second = name(p, ("d/" + std::string(251, 'x') + "y.jpg").c_str());
  CHECK(second == "d/" + std::string(246, 'x') + "-s-2.webp");
  std::string wide;
  while (wide.size() < 250)
    wide += "\xe2\x82\xac";
  const auto cut = name(p, (wide + ".jpg").c_str());
  CHECK(cut.size() <= 255);
  CHECK(cut == wide.substr(0, 246) + "-s.webp");
}

TEST_CASE("many files of one stem are planned without trying all numbers again") {
  auto p = planner();
  std::string last;
  for (int i = 0; i < 50'000; ++i) // 1.2 billion tries if each began at 2
    last = name(p, "a.jpg");
  CHECK(last == "a-50000.webp");
}
