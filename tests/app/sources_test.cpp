#include "app/sources.hpp"

#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

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
  for (const auto& source : sources->files)
    text += source.path + " ";
  for (const auto& one : sources->unreadable)
    text += "unreadable:" + one.path + " ";
  return text;
}

// Paths and reasons of what was skipped.
std::string skipped(const tests::scratch& dir, std::vector<std::string> words) {
  for (auto& word : words)
    word = dir / word;
  const auto sources = find_sources(words, "");
  REQUIRE(sources);
  std::string text;
  for (const auto& one : sources->skipped)
    text += one.path + " " + one.why + "; ";
  return text;
}

// Without the rights of root, for as long as it lives.
struct unprivileged {
  unprivileged() {
    if (is_root) REQUIRE(::seteuid(65'534) == 0);
  }
  ~unprivileged() {
    if (is_root && ::seteuid(0) != 0) std::abort();
  }
  bool is_root = ::geteuid() == 0;
};

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

TEST_CASE("one folder and one file that cannot be read cost only themselves, and are named") {
  const tests::scratch dir;
  for (const auto* name : {"a.jpg", "locked/b.jpg", "ok/c.jpg", "secret.jpg", "x/y/z.png"})
    dir.write(name, name);
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  REQUIRE(::chmod((dir / "locked").c_str(), 0) == 0);
  REQUIRE(::chmod((dir / "secret.jpg").c_str(), 0) == 0);
  const unprivileged now;
  if (now.is_root) {
    CHECK(found(dir, {"."}) == "a.jpg ok/c.jpg x/y/z.png unreadable:locked unreadable:secret.jpg ");
    const auto sources = find_sources({dir.path()}, "");
    REQUIRE(sources);
    REQUIRE(sources->unreadable.size() == 2);
    CHECK(sources->unreadable[0].named == dir / "locked");
    CHECK(sources->unreadable[0].why == "Permission denied");
    CHECK(found(dir, {"locked", "ok"}) == "c.jpg unreadable:" + dir / "locked" + " ");
    CHECK(found(dir, {"secret.jpg"}) == "unreadable:secret.jpg ");
    CHECK(found(dir, {"*.jpg"}) == "a.jpg unreadable:secret.jpg "); // it needs no folder below
    CHECK(found(dir, {"*/c.jpg"}) == "ok/c.jpg unreadable:locked ");
    CHECK(found(dir, {"x/**/*.png"}) == "y/z.png ");
    CHECK(found(dir, {"locked/b.jpg"}) == "unreadable:" + dir / "locked/b.jpg" + " ");
  }
}

TEST_CASE("what is gone when it is to be read is unreadable, and so is a link to nothing") {
  const tests::scratch dir;
  dir.write("a.jpg", "a");
  std::filesystem::create_symlink("nothing", dir / "gone.jpg");
  std::filesystem::create_symlink("round.jpg", dir / "round.jpg");
  CHECK(found(dir, {"."}) == "a.jpg unreadable:gone.jpg unreadable:round.jpg ");
  CHECK(found(dir, {"*.png"}) == "error"); // no name that was asked for
}

TEST_CASE("a link is a file of its own name; one name is taken once, whatever way leads to it") {
  const tests::scratch dir;
  dir.write("in/real.jpg", "a");
  std::filesystem::create_symlink("real.jpg", dir / "in/alias.jpg");
  std::filesystem::create_directory_symlink(dir / "in", dir / "other");
  CHECK(found(dir, {"in"}) == "alias.jpg real.jpg ");
  CHECK(found(dir, {"in", "other"}) == "alias.jpg real.jpg ");
  CHECK(found(dir, {"in/alias.jpg", "in"}) == "alias.jpg real.jpg ");
  const auto sources = find_sources({dir / "in"}, "");
  REQUIRE(sources);
  CHECK(sources->files[0].absolute.ends_with("/in/alias.jpg"));
  CHECK(sources->files[0].canonical.ends_with("/in/real.jpg"));
  CHECK(sources->files[0].inode == sources->files[1].inode);
}

TEST_CASE("a folder's files that are no images by their bytes are skipped, and told") {
  const tests::scratch dir;
  dir.write("Thumbs.db", "\xd0\xcf\x11\xe0");
  dir.write("clip.mov", std::string("\0\0\0\x14"
                                    "ftypqt  \0\0\0\0qt  ",
                                    20));
  dir.write("note.txt", "no image");
  dir.write("side.xmp", "<?xpacket begin=''?><x:xmpmeta/>");
  dir.write("empty", "");
  dir.write("apple.heic", "whatever");           // its name claims that it is one
  dir.write("no_extension", "GIF89a.........."); // its bytes say that it is one
  dir.write(".DS_Store", "x");
  REQUIRE(::mkfifo((dir / "pipe.jpg").c_str(), 0600) == 0);
  std::filesystem::create_directory_symlink(dir.path(), dir / "loop");
  CHECK(found(dir, {"."}) == "apple.heic no_extension ");
  CHECK(skipped(dir, {"."}) ==
        ".DS_Store is hidden; Thumbs.db is no image; clip.mov is no image; empty is no image; "
        "loop is a link to a folder; name it to convert what it holds; note.txt is no image; "
        "pipe.jpg is no regular file; side.xmp is no image; ");
  CHECK(found(dir, {"note.txt"}) == "note.txt "); // named: it has to fail
  CHECK(skipped(dir, {".", "note.txt"}).find("note.txt") == std::string::npos);
  CHECK(skipped(dir, {"*.txt"}) == "note.txt is no image; ");
}
