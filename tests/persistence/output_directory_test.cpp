#include "persistence/output_directory.hpp"

#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <sys/mman.h>

using namespace darkroom;
using namespace darkroom::persistence;
using domain::existing_policy;

namespace {

const domain::batch_id batch{{9}};

darkroom::base::unique_fd memory(const std::string& content) {
  darkroom::base::unique_fd fd{::memfd_create("output", MFD_CLOEXEC)};
  REQUIRE(::write(fd.get(), content.data(), content.size()) ==
          static_cast<ssize_t>(content.size()));
  return fd;
}

staged_output stage(output_directory& out, const std::string& target, const std::string& content,
                    existing_policy existing = existing_policy::fail) {
  auto staged = out.stage(batch, 3, 0, target, memory(content).get(), existing);
  REQUIRE(staged);
  return *staged;
}

placement place(output_directory& out, const staged_output& staged) {
  return out.place(std::span(&staged, 1)).at(0).how;
}

std::size_t files_in(const std::string& root) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
    count += entry.is_regular_file();
  return count;
}

} // namespace

TEST_CASE("an output has its final name only when it is placed") {
  tests::scratch dir;
  output_directory out(dir.path());
  const auto staged = stage(out, "a/b/c.webp", "pixels");
  CHECK_FALSE(out.exists("a/b/c.webp"));
  CHECK(place(out, staged) == placement::placed);
  CHECK(tests::content_of(dir / "a/b/c.webp") == "pixels");
  CHECK(files_in(dir.path()) == 1);
  CHECK(out.existing("a/b/c.webp")->sha256 == staged.sha256);
}

TEST_CASE("what lies at the target follows the policy") {
  tests::scratch dir;
  output_directory out(dir.path());
  dir.write("x", "theirs");
  CHECK(place(out, stage(out, "x", "ours")) == placement::exists);
  CHECK(tests::content_of(dir / "x") == "theirs");
  CHECK(place(out, stage(out, "x", "ours", existing_policy::skip)) == placement::existing_kept);
  CHECK(tests::content_of(dir / "x") == "theirs");
  CHECK(place(out, stage(out, "x", "ours", existing_policy::overwrite)) == placement::placed);
  CHECK(tests::content_of(dir / "x") == "ours");
  CHECK(files_in(dir.path()) == 1); // no temporary name is left
}

TEST_CASE("the same bytes under the name already: an earlier life got so far") {
  tests::scratch dir;
  output_directory out(dir.path());
  dir.write("x", "ours");
  CHECK(place(out, stage(out, "x", "ours")) == placement::adopted);
  CHECK(files_in(dir.path()) == 1);
}

TEST_CASE("what a crash left under a temporary name is written over, or swept") {
  tests::scratch dir;
  output_directory out(dir.path());
  const auto left = stage(out, "x", "half");
  const auto again = stage(out, "x", "whole");
  CHECK(left.temporary == again.temporary);
  CHECK(tests::content_of(dir / again.temporary) == "whole");
  const std::string targets[] = {"x"};
  out.sweep(batch, 4, targets); // another file's
  CHECK(files_in(dir.path()) == 1);
  out.sweep(batch, 3, targets);
  CHECK(files_in(dir.path()) == 0);
}

TEST_CASE("an output can be discarded, and a name taken back") {
  tests::scratch dir;
  output_directory out(dir.path());
  out.discard(stage(out, "x", "1"));
  CHECK(files_in(dir.path()) == 0);
  const auto staged = stage(out, "x", "1");
  place(out, staged);
  out.take_back(staged);
  CHECK(files_in(dir.path()) == 0);
}

TEST_CASE("a file where a folder should be, and a folder where a file should be, are errors") {
  tests::scratch dir;
  output_directory out(dir.path());
  dir.write("f", "file");
  const auto staged = out.stage(batch, 0, 0, "f/x", memory("1").get(), existing_policy::fail);
  REQUIRE_FALSE(staged);
  CHECK(staged.error().text().find("directory") != std::string::npos);
  std::filesystem::create_directory(dir / "d");
  CHECK(place(out, stage(out, "d", "1", existing_policy::overwrite)) == placement::failed);
}
