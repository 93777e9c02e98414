#include "persistence/limits.hpp"
#include "persistence/thumbnail_cache.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace darkroom;
using namespace darkroom::persistence;
using darkroom::tests::scratch;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t header_bytes = 12;

std::vector<std::uint8_t> picture(char c, std::size_t bytes = 1'000) {
  return std::vector<std::uint8_t>(bytes, static_cast<std::uint8_t>(c));
}

digest key(int n) {
  return thumbnail_cache::key_of("ann", std::string(64, 'a'), static_cast<std::uint32_t>(n));
}

std::optional<std::vector<std::uint8_t>> read(thumbnail_cache& cache, const digest& of) {
  const auto found = cache.find(of);
  if (!found) return std::nullopt;
  std::vector<std::uint8_t> bytes(found->length);
  REQUIRE(::pread(found->file->get(), bytes.data(), bytes.size(),
                  static_cast<off_t>(found->first)) == static_cast<ssize_t>(bytes.size()));
  return bytes;
}

std::size_t files_in(const std::string& folder) {
  std::error_code error;
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder, error))
    ++n;
  return n;
}

struct fixture {
  scratch data;
  std::string folder = data / "thumbnails";
  thumbnail_cache make(std::uint64_t bytes_max = 1'000'000) const {
    return thumbnail_cache({.folder = folder, .bytes_max = bytes_max});
  }
  std::string path(const digest& of) const { return folder + '/' + to_hex(of); }
};

} // namespace

TEST_CASE_METHOD(fixture, "a stored thumbnail is found again, also after a restart") {
  auto cache = make();
  CHECK_FALSE(read(cache, key(1)));
  CHECK_FALSE(fs::exists(folder)); // nothing was stored
  cache.store(key(1), picture('a'));
  cache.store(key(2), picture('b'));
  CHECK(read(cache, key(1)) == picture('a'));
  CHECK(read(cache, key(2)) == picture('b'));
  CHECK_FALSE(read(cache, key(3)));
  cache.store(key(1), picture('c', 500)); // another one takes its place
  CHECK(read(cache, key(1)) == picture('c', 500));
  CHECK(cache.bytes() == 1'500 + 2 * header_bytes);
  auto again = make();
  CHECK(read(again, key(1)) == picture('c', 500));
  CHECK(again.bytes() == 1'500 + 2 * header_bytes);
}

TEST_CASE("a thumbnail is of one owner's file at one width") {
  const std::string one(64, 'a'), other(64, 'b');
  CHECK(thumbnail_cache::key_of("ann", one, 256) == thumbnail_cache::key_of("ann", one, 256));
  CHECK(thumbnail_cache::key_of("ann", one, 256) != thumbnail_cache::key_of("bob", one, 256));
  CHECK(thumbnail_cache::key_of("ann", one, 256) != thumbnail_cache::key_of("ann", other, 256));
  CHECK(thumbnail_cache::key_of("ann", one, 256) != thumbnail_cache::key_of("ann", one, 25));
  CHECK(thumbnail_cache::key_of("6/ann", one, 25) != thumbnail_cache::key_of("ann", one, 256));
}

TEST_CASE_METHOD(fixture, "a damaged entry is a miss, and can be made again") {
  auto cache = make();
  const auto damage = [&](const std::function<void()>& change) {
    cache.store(key(1), picture('a'));
    change();
    CHECK_FALSE(read(cache, key(1)));
    CHECK_FALSE(fs::exists(path(key(1))));
    CHECK(cache.entries() == 0);
    CHECK(cache.bytes() == 0);
    cache.store(key(1), picture('b'));
    CHECK(read(cache, key(1)) == picture('b'));
  };
  const auto overwrite = [&](std::streamoff at, char with) {
    std::fstream file(path(key(1)), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.put(with);
  };
  SECTION("each length that a power cut may leave") {
    for (std::uintmax_t bytes = 0; bytes < 1'000 + header_bytes; bytes += bytes < 20 ? 1 : 61)
      damage([&] { fs::resize_file(path(key(1)), bytes); });
  }
  SECTION("its length is there, its bytes are not") {
    damage([&] {
      fs::resize_file(path(key(1)), 0);
      fs::resize_file(path(key(1)), 1'000 + header_bytes);
    });
  }
  SECTION("one byte is another") {
    for (std::streamoff at = 0; at < 1'012; at += at < 20 ? 1 : 97)
      damage([&] { overwrite(at, 'z'); });
  }
  SECTION("it is longer") {
    damage([&] { fs::resize_file(path(key(1)), 2'000); });
  }
  SECTION("it is far too long to be read") {
    damage([&] { fs::resize_file(path(key(1)), limits::thumbnail_bytes_max + 100); });
  }
  SECTION("it is gone") {
    damage([&] { fs::remove(path(key(1))); });
  }
  SECTION("a pipe or a link is in its place") {
    damage([&] {
      fs::remove(path(key(1)));
      REQUIRE(::mkfifo(path(key(1)).c_str(), 0600) == 0);
    });
    damage([&] {
      fs::rename(path(key(1)), folder + "/other");
      fs::create_symlink(folder + "/other", path(key(1)));
    });
  }
}

TEST_CASE_METHOD(fixture, "the folder may be removed at any time") {
  auto cache = make();
  cache.store(key(1), picture('a'));
  const auto open = cache.find(key(1));
  fs::remove_all(folder);
  REQUIRE(open); // what is being sent is sent to its end
  char byte = 0;
  CHECK(::pread(open->file->get(), &byte, 1, static_cast<off_t>(open->first)) == 1);
  CHECK_FALSE(read(cache, key(1)));
  cache.store(key(2), picture('b'));
  cache.store(key(1), picture('a'));
  CHECK(read(cache, key(1)) == picture('a'));
  CHECK(read(cache, key(2)) == picture('b'));
  CHECK(cache.bytes() == 2 * (1'000 + header_bytes));
  fs::remove_all(folder);
  std::ofstream(folder) << "a file has its name";
  CHECK_FALSE(read(cache, key(1)));
  cache.store(key(1), picture('a'));
  CHECK_FALSE(read(cache, key(1)));
}

TEST_CASE_METHOD(fixture, "the least recently used give way") {
  auto cache = make(3 * (1'000 + header_bytes));
  for (int i = 0; i < 3; ++i)
    cache.store(key(i), picture('a'));
  CHECK(read(cache, key(0)));
  cache.store(key(3), picture('b'));
  CHECK_FALSE(read(cache, key(1)));
  CHECK(read(cache, key(0)));
  CHECK(read(cache, key(2)));
  CHECK(read(cache, key(3)));
  CHECK(files_in(folder) == 3);
  cache.store(key(4), picture('c', 4'000)); // more than all may have
  CHECK_FALSE(read(cache, key(4)));
  CHECK(cache.entries() == 3);
  SECTION("a lower limit holds from the next start on; the oldest go first") {
    const auto now = fs::file_time_type::clock::now();
    fs::last_write_time(path(key(0)), now);
    fs::last_write_time(path(key(2)), now - std::chrono::hours(5));
    fs::last_write_time(path(key(3)), now - std::chrono::hours(2));
    auto smaller = make(2 * (1'000 + header_bytes));
    CHECK(read(smaller, key(0)));
    CHECK(read(smaller, key(3)));
    CHECK(files_in(folder) == 2);
    auto order = make(1'000 + header_bytes); // `key(3)` was used after two hours: that is noted
    CHECK(order.entries() == 1);
    CHECK(read(order, key(3)));
  }
  SECTION("with a limit of 0 there is none") {
    auto none = make(0);
    CHECK_FALSE(read(none, key(0)));
    none.store(key(5), picture('a'));
    CHECK_FALSE(read(none, key(5)));
  }
}

TEST_CASE_METHOD(fixture, "without free disk nothing is stored, and what is there is found") {
  auto cache = make();
  cache.store(key(1), picture('a'));
  thumbnail_cache full({.folder = folder, .bytes_max = 1'000'000, .disk_free_min = UINT64_MAX / 2});
  full.store(key(2), picture('b'));
  CHECK_FALSE(read(full, key(2)));
  CHECK(read(full, key(1)) == picture('a'));
  CHECK(files_in(folder) == 1);
}

TEST_CASE("on a full disk a thumbnail is only a miss, and nothing stays of it") {
  // A limit of the size of files stands for the full disk: the write fails half-way.
  const fixture at;
  auto cache = at.make();
  cache.store(key(1), picture('a'));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{5'000, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  cache.store(key(2), picture('b', 20'000));
  const auto found = read(cache, key(2));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, ignored);
  CHECK_FALSE(found);
  CHECK(files_in(at.folder) == 1);
  CHECK(read(cache, key(1)) == picture('a'));
}

TEST_CASE_METHOD(fixture, "what an interrupted write left is removed, other files are let be") {
  fs::create_directories(folder);
  std::ofstream(folder + "/new-17") << "half";
  std::ofstream(folder + "/notes.txt") << "somebody's";
  auto cache = make();
  CHECK(cache.entries() == 0);
  CHECK_FALSE(fs::exists(folder + "/new-17"));
  CHECK(fs::exists(folder + "/notes.txt"));
}

TEST_CASE_METHOD(fixture, "threads may store and find at the same time") {
  auto cache = make(20 * (1'000 + header_bytes));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        const auto n = (i * 7 + t) % 40;
        const auto c = static_cast<char>('a' + n % 26);
        cache.store(key(n), picture(c));
        if (const auto found = cache.find(key(n)); found && found->length != 1'000) ++wrong;
        if (t == 0 && i % 100 == 50) {
          std::error_code error;
          fs::remove_all(folder, error);
        }
      }
    });
  for (auto& thread : threads)
    thread.join();
  CHECK(wrong == 0);
  CHECK(cache.bytes() <= 20 * (1'000 + header_bytes));
  for (int n = 0; n < 40; ++n)
    if (const auto found = read(cache, key(n)))
      CHECK(*found == picture(static_cast<char>('a' + n % 26)));
}
