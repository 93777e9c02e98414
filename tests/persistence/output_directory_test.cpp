#include "persistence/output_directory.hpp"

#include "persistence/limits.hpp"

#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>
#include <sys/stat.h>

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
                    existing_policy existing = existing_policy::fail, domain::file_index file = 3) {
  auto staged = out.stage(batch, file, 0, target, memory(content).get(), existing);
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

TEST_CASE("few or many outputs are synced when they are placed, and named") {
  tests::scratch dir;
  output_directory out(dir.path());
  const auto count = GENERATE(1u, 5u, 60u); // one each; a shared one; some synced before
  std::vector<staged_output> staged;
  std::size_t held = 0;
  for (unsigned i = 0; i < count; ++i) {
    staged.push_back(stage(out, "d" + std::to_string(i % 3) + "/f" + std::to_string(i),
                           "pixels " + std::to_string(i), existing_policy::fail, i));
    held += staged.back().unsynced != nullptr;
  }
  CHECK(held == std::min(count, limits::unsynced_files_max));
  for (const auto& placed : out.place(staged))
    CHECK(placed.how == placement::placed);
  CHECK(files_in(dir.path()) == count);
  staged.clear();
  // Places are free again.
  CHECK(stage(out, "again", "x").unsynced);
}

TEST_CASE("an output that cannot be synced gets no name; the others do") {
  tests::scratch dir;
  output_directory out(dir.path());
  std::vector<staged_output> staged;
  for (domain::file_index i = 0; i < 10; ++i)
    staged.push_back(stage(out, "f" + std::to_string(i), "pixels", existing_policy::fail, i));
  // A pipe takes no sync: as a file whose disk is gone.
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const base::unique_fd other{ends[1]};
  staged[3].unsynced = std::make_shared<const base::unique_fd>(ends[0]);
  const auto placed = out.place(staged);
  for (std::size_t i = 0; i < placed.size(); ++i) {
    CHECK(placed[i].how == (i == 3 ? placement::failed : placement::placed));
    CHECK(out.exists("f" + std::to_string(i)) == (i != 3));
  }
  CHECK(placed[3].error.text().find("syncing") != std::string::npos);
  CHECK(files_in(dir.path()) == 9); // and no temporary name is left
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

TEST_CASE("a pipe, a link or a folder at the target decides as any file does, and is not opened") {
  for (const auto* kind : {"pipe", "link", "dangling link", "folder"}) {
    INFO(kind);
    tests::scratch dir;
    output_directory out(dir.path());
    const auto at = dir / "x";
    const auto other = dir.write("other", "theirs");
    if (kind == std::string{"pipe"}) REQUIRE(::mkfifo(at.c_str(), 0600) == 0);
    if (kind == std::string{"link"}) std::filesystem::create_symlink(other, at);
    if (kind == std::string{"dangling link"}) std::filesystem::create_symlink("nothing", at);
    if (kind == std::string{"folder"}) std::filesystem::create_directory(at);
    const auto before = std::filesystem::symlink_status(at).type();
    REQUIRE(out.existing("x"));
    CHECK(out.existing("x")->bytes == 0);
    CHECK(place(out, stage(out, "x", "theirs")) == placement::exists);
    CHECK(place(out, stage(out, "x", "ours", existing_policy::skip)) == placement::existing_kept);
    CHECK(std::filesystem::symlink_status(at).type() == before);
    if (kind == std::string{"folder"}) continue;
    CHECK(place(out, stage(out, "x", "ours", existing_policy::overwrite)) == placement::placed);
    CHECK(std::filesystem::symlink_status(at).type() == std::filesystem::file_type::regular);
    CHECK(tests::content_of(at) == "ours");
    CHECK(tests::content_of(other) == "theirs"); // what a link leads to stays
  }
}

TEST_CASE("an output gets its source's time only if that was asked for") {
  const auto modified = [](const std::string& file) {
    struct stat about{};
    REQUIRE(::stat(file.c_str(), &about) == 0);
    return about.st_mtim.tv_sec * 1'000'000'000 + about.st_mtim.tv_nsec;
  };
  tests::scratch dir;
  output_directory plain(dir.path()), keeping(dir.path(), true);
  for (const std::int64_t time : {1'000'000'000'123'456'789, std::int64_t{-1'500'000'000}}) {
    const auto first = stage(plain, "a", "1", existing_policy::overwrite);
    REQUIRE(plain.set_time(first, time));
    place(plain, first);
    CHECK(modified(dir / "a") != time);
    const auto second = stage(keeping, "b", "1", existing_policy::overwrite);
    REQUIRE(keeping.set_time(second, time));
    place(keeping, second);
    CHECK(modified(dir / "b") == time);
  }
  auto gone = stage(keeping, "c", "1");
  gone.unsynced = nullptr;
  keeping.discard(gone);
  CHECK_FALSE(keeping.set_time(gone, 1));
}
