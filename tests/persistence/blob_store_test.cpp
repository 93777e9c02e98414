#include "persistence/blob_store.hpp"

#include "persistence/scrub.hpp"
#include "persistence/set_aside.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <set>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>

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

TEST_CASE("what is stored again while it is being removed is there") {
  tests::scratch dir;
  auto store = open(dir);
  std::atomic<int> missing = 0;
  const auto use = [&] {
    const auto content = memory("a");
    for (int i = 0; i < 200; ++i) {
      auto held = store->put(content.get());
      if (!held || !store->open_blob(held->name()) || !store->pin_existing(held->name()))
        missing += 1;
      if (!held) continue;
      store->add_reference(held->name());
      store->drop_reference(held->name());
    }
  };
  {
    const std::jthread one(use), other(use);
  }
  CHECK(missing == 0);
  CHECK(files_in(dir / "blobs") == 0);
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
  const auto swept = store->sweep();
  REQUIRE(swept);
  CHECK(swept->removed == 1);
  CHECK(swept->set_aside == 1);
  CHECK(std::filesystem::exists(dir / "blobs/new.part"));
  std::size_t aside = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir / "set-aside"))
    aside += entry.is_regular_file();
  CHECK(aside == 1);
  CHECK(store->open_blob(kept));
  CHECK(std::filesystem::exists(dir / "blobs/new.part"));
}

namespace {

void flip_a_bit(const std::string& file) {
  auto content = tests::content_of(file);
  content[content.size() / 2] ^= 1;
  std::ofstream(file, std::ios::binary) << content;
}

blob_store::content_state checked(blob_store& store, const digest& name, bool unless_known) {
  const auto file = store.open_blob(name);
  REQUIRE(file);
  const auto state = store.check_content(name, file->get(), unless_known);
  REQUIRE(state);
  return *state;
}

} // namespace

TEST_CASE(
    "a blob whose bytes are others is set aside when it is read, and comes back by an upload") {
  using enum blob_store::content_state;
  tests::scratch dir;
  auto store = open(dir);
  std::vector<std::string> told;
  store->when_damaged([&](const std::string& path, const std::string& aside) {
    told.push_back(path);
    told.push_back(aside);
  });
  const auto pin = store->put(memory("bytes that matter").get());
  REQUIRE(pin);
  const auto name = pin->name();
  CHECK(checked(*store, name, false) == whole);
  CHECK(checked(*store, name, true) == whole);
  flip_a_bit(store->path_of(name));
  const auto reader = store->open_blob(name);
  REQUIRE(reader);
  CHECK(checked(*store, name, true) == damaged);
  REQUIRE(told.size() == 2);
  CHECK(told[0] == store->path_of(name));
  CHECK(told[1].find("set-aside/") != std::string::npos);
  CHECK(std::filesystem::exists(told[1]));
  CHECK_FALSE(store->open_blob(name));
  CHECK(store->damaged_found() == 1);
  // A reader of the old file does not set the new one aside.
  REQUIRE(store->put(memory("bytes that matter").get()));
  CHECK(store->check_content(name, reader->get(), true).value() == damaged);
  CHECK(checked(*store, name, true) == whole);
  CHECK(store->damaged_found() == 1);
}

TEST_CASE("an upload replaces an existing blob, whose file may be damaged") {
  tests::scratch dir;
  auto store = open(dir);
  const auto pin = store->put(memory("bytes").get());
  REQUIRE(pin);
  std::filesystem::resize_file(store->path_of(pin->name()), 2);
  const auto old = store->open_blob(pin->name());
  REQUIRE(old);
  REQUIRE(store->put(memory("bytes").get()));
  CHECK(tests::content_of(store->path_of(pin->name())) == "bytes");
  struct stat about{};
  REQUIRE(::fstat(old->get(), &about) == 0);
  CHECK(about.st_size == 2); // open readers keep the old file
}

TEST_CASE("only what was read, and has not changed since, is taken for whole") {
  tests::scratch dir;
  const auto file = dir.write("f", "content");
  struct stat before{}, after{};
  REQUIRE(::stat(file.c_str(), &before) == 0);
  checked_files known;
  const digest name{1};
  CHECK_FALSE(known.has(name, before));
  known.add(name, before);
  CHECK(known.has(name, before));
  CHECK_FALSE(known.has(digest{2}, before));
  dir.write("g", "content");
  std::filesystem::rename(dir / "g", file);
  REQUIRE(::stat(file.c_str(), &after) == 0);
  CHECK_FALSE(known.has(name, after));
}

TEST_CASE("all folders of blobs are read once in a period, in another order each time") {
  const scrub_schedule schedule(256 * 100);
  std::set<unsigned> first, second;
  for (std::int64_t part = 0; part < 256; ++part) {
    CHECK(schedule.part_at(part * 100) == part);
    CHECK(schedule.part_at(part * 100 + 99) == part);
    first.insert(scrub_schedule::folder_of(part));
    second.insert(scrub_schedule::folder_of(part + 256));
  }
  CHECK(first.size() == 256);
  CHECK(second.size() == 256);
  CHECK(scrub_schedule::folder_of(0) != scrub_schedule::folder_of(256));
}

TEST_CASE("scrubbing finds what is damaged in a folder, and ends when it is told to") {
  tests::scratch dir;
  auto store = open(dir);
  const auto good = store->put(memory("a").get());
  const auto bad = store->put(memory("b").get());
  REQUIRE(good);
  REQUIRE(bad);
  flip_a_bit(store->path_of(bad->name()));
  dir.write("blobs/3e/no-blob", "x"); // the folder of "b"
  scrubbed all;
  for (unsigned folder = 0; folder < scrub_schedule::folders; ++folder) {
    const auto done = scrub_folder(*store, folder, [](std::uint64_t) { return true; });
    all.blobs += done.blobs;
    all.damaged += done.damaged;
    all.bytes += done.bytes;
  }
  CHECK(all.blobs == 2);
  CHECK(all.damaged == 1);
  CHECK(all.bytes == 2);
  CHECK(store->open_blob(good->name()));
  CHECK_FALSE(store->open_blob(bad->name()));
}

TEST_CASE("what was set aside is kept for some days, and goes earlier when there is no room") {
  tests::scratch dir;
  const auto blobs = dir / "blobs";
  constexpr std::int64_t day_us = 86'400'000'000;
  const auto aside = [&](const std::string& name, std::int64_t day) {
    const auto moved = set_aside(dir.write("f", name), blobs, name, day * day_us + 5);
    REQUIRE(moved);
    return *moved;
  };
  CHECK(aside("ab/c", 20'000) == dir / "set-aside/2024-10-04/ab/c");
  CHECK(aside("ab/c", 20'000) == dir / "set-aside/2024-10-04/ab/c-2");
  const auto newer = aside("d", 20'003);
  dir.write("set-aside/mine/kept", "not ours");
  CHECK(empty_set_aside(blobs, 7, 20'007 * day_us) == 0);
  CHECK(empty_set_aside(blobs, 7, 20'008 * day_us) == 1);
  CHECK_FALSE(std::filesystem::exists(dir / "set-aside/2024-10-04"));
  CHECK(std::filesystem::exists(newer));
  CHECK(remove_oldest_set_aside(blobs));
  CHECK_FALSE(std::filesystem::exists(newer));
  CHECK_FALSE(remove_oldest_set_aside(blobs));
  CHECK(std::filesystem::exists(dir / "set-aside/mine/kept"));
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
