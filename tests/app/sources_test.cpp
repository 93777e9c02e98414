#include "app/sources.hpp"

#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>

using namespace darkroom;
using namespace darkroom::app;

namespace {

std::string found(const tests::scratch& dir, std::vector<std::string> words,
                  const std::string& excluded = "/nowhere") {
  for (auto& word : words)
    word = dir / word;
  const auto sources = find_sources(words, excluded);
  if (!sources) return "error";
  std::string text;
  for (const auto& source : *sources)
    text += source.path + " ";
  return text;
}

tests::scratch& tree() {
  static tests::scratch dir;
  if (!std::filesystem::exists(dir / "a.jpg"))
    for (const auto* name : {"a.jpg", "b.png", "sub/c.jpg", "sub/deep/d.jpg", "sub/.hidden.jpg",
                             ".secret/e.jpg", "[odd].jpg", "out/f.webp"})
      dir.write(name, name);
  return dir;
}

} // namespace

TEST_CASE("a file stands for itself, a folder for all below it but the hidden") {
  CHECK(found(tree(), {"a.jpg"}) == "a.jpg ");
  CHECK(found(tree(), {"sub/c.jpg"}) == "c.jpg ");
  CHECK(found(tree(), {"sub"}) == "c.jpg deep/d.jpg ");
  CHECK(found(tree(), {"."}) == "[odd].jpg a.jpg b.png out/f.webp sub/c.jpg sub/deep/d.jpg ");
}

TEST_CASE("the output folder is not a source") {
  CHECK(found(tree(), {"."}, tree() / "out") == "[odd].jpg a.jpg b.png sub/c.jpg sub/deep/d.jpg ");
}

TEST_CASE("globs stay within a name, two stars go through folders") {
  CHECK(found(tree(), {"*.jpg"}) == "[odd].jpg a.jpg ");
  CHECK(found(tree(), {"**/*.jpg"}) == "[odd].jpg a.jpg sub/c.jpg sub/deep/d.jpg ");
  CHECK(found(tree(), {"sub/**/*.jpg"}) == "c.jpg deep/d.jpg ");
  CHECK(found(tree(), {"s?b/[a-c].jpg"}) == "sub/c.jpg ");
  CHECK(found(tree(), {"*.gif"}) == "error");
}

TEST_CASE("a file that looks like a glob is a file; each file counts once") {
  CHECK(found(tree(), {"[odd].jpg"}) == "[odd].jpg ");
  CHECK(found(tree(), {"a.jpg", "*.jpg", "a.jpg"}) == "a.jpg [odd].jpg ");
}

TEST_CASE("what is not there is an error with a sentence") {
  const auto missing = find_sources({"/no/such/file"}, "");
  REQUIRE_FALSE(missing);
  CHECK(missing.error() == "/no/such/file: there is no such file or folder");
  CHECK_FALSE(find_sources({"/dev/null"}, ""));
}
