#include "persistence/blob_store.hpp"

#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>
#include <sys/stat.h>

using namespace darkroom;
using namespace darkroom::persistence;

namespace {

darkroom::base::unique_fd memory(const std::string& content) {
  darkroom::base::unique_fd fd{::memfd_create("blob", MFD_CLOEXEC)};
  REQUIRE(::write(fd.get(), content.data(), content.size()) ==
          static_cast<ssize_t>(content.size()));
  return fd;
}

std::size_t files_in(const std::string& root) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
    count += entry.is_regular_file() && entry.path().filename() != ".opened";
  return count;
}

std::unique_ptr<blob_store> open(const tests::scratch& dir) {
  auto store = blob_store::open(dir / "blobs");
  REQUIRE(store);
  return std::move(*store);
}

} // namespace

TEST_CASE("a blob is stored under its digest, once") {
  tests::scratch dir;
  auto store = open(dir);
  const auto content = memory("hello");
  auto first = store->put(content.get());
  auto second = store->put(content.get());
  REQUIRE(first);
  REQUIRE(second);
  CHECK(to_hex(first->name()) ==
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  CHECK(first->bytes() == 5);
  CHECK(files_in(dir / "blobs") == 1);
  CHECK(tests::content_of(store->path_of(first->name())) == "hello");
  CHECK(store->open_blob(first->name()));
}

TEST_CASE("a blob goes with its last reference, not while it is pinned") {
  tests::scratch dir;
  auto store = open(dir);
  digest name{};
  {
    auto pin = store->put(memory("a").get());
    REQUIRE(pin);
    name = pin->name();
    store->add_reference(name);
    store->drop_reference(name);
    CHECK(store->open_blob(name)); // pinned
    store->add_reference(name);
  }
  CHECK(store->open_blob(name)); // referred to
  store->drop_reference(name);
  const auto gone = store->open_blob(name);
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == ENOENT);
}

TEST_CASE("a put that no event follows leaves nothing") {
  tests::scratch dir;
  auto store = open(dir);
  {
    REQUIRE(store->put(memory("b").get()));
  }
  CHECK(files_in(dir / "blobs") == 0);
}

TEST_CASE("strays of an earlier process are swept, blobs in use and new ones are not") {
  tests::scratch dir;
  digest kept{};
  {
    auto store = open(dir);
    auto pin = store->put(memory("kept").get());
    kept = pin->name();
    store->add_reference(kept);
  }
  dir.write("blobs/ab/stray", "x");
  dir.write("blobs/17-3.part", "half a blob");
  const timespec old[2] = {{1'000, 0}, {1'000, 0}};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir / "blobs"))
    if (entry.is_regular_file()) ::utimensat(AT_FDCWD, entry.path().c_str(), old, 0);
  auto store = open(dir);
  store->add_reference(kept);
  dir.write("blobs/new.part", "being written");
  CHECK(store->sweep().value() == std::size_t{2});
  CHECK(store->open_blob(kept));
  CHECK(std::filesystem::exists(dir / "blobs/new.part"));
}

TEST_CASE("digests read back as text") {
  const auto d = parse_hex(std::string(62, '0') + "ff");
  REQUIRE(d);
  CHECK((*d)[31] == 255);
  CHECK(to_hex(*d) == std::string(62, '0') + "ff");
  CHECK_FALSE(parse_hex("abc"));
  CHECK_FALSE(parse_hex(std::string(64, 'G')));
}

TEST_CASE("many uploads are named together; what is not finished leaves nothing") {
  tests::scratch dir;
  auto store = open(dir);
  std::vector<blob_writer> writers;
  for (int i = 0; i < 20; ++i) { // enough to share one sync
    auto writer = store->begin();
    REQUIRE(writer);
    const auto text = std::to_string(i % 10);
    REQUIRE(writer->add({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
    writer->finish();
    writers.push_back(std::move(*writer));
  }
  {
    auto unfinished = store->begin();
    REQUIRE(unfinished);
    CHECK(files_in(dir / "blobs") == 21);
  }
  auto pins = store->commit(writers);
  writers.clear();
  for (const auto& pin : pins)
    REQUIRE(pin);
  CHECK(files_in(dir / "blobs") == 10);
  CHECK(pins[3]->crc32() == pins[13]->crc32());
  store->add_reference(pins[3]->name());
  const auto name = pins[3]->name();
  pins.clear();
  CHECK(files_in(dir / "blobs") == 1);
  CHECK(store->pin_existing(name));
  CHECK_FALSE(store->pin_existing(digest{}));
}

TEST_CASE("nothing is removed until references are known") {
  tests::scratch dir;
  auto store = open(dir);
  store->hold_removals();
  digest first{}, second{};
  {
    auto a = store->put(memory("a").get()), b = store->put(memory("b").get());
    first = a->name();
    second = b->name();
  }
  CHECK(files_in(dir / "blobs") == 2);
  store->add_reference(second); // the census finds it
  store->allow_removals();
  CHECK_FALSE(store->open_blob(first));
  CHECK(store->open_blob(second));
}
