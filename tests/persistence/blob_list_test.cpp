#include "persistence/blob_list.hpp"
#include "persistence/limits.hpp"
#include "tests/support/scratch.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <random>
#include <set>

using namespace darkroom;
using namespace darkroom::persistence;
using darkroom::tests::scratch;

namespace {

blob_use numbered(std::uint32_t n, std::uint64_t bytes) {
  std::mt19937 dice(n);
  blob_use use{.bytes = bytes};
  for (auto& byte : use.name)
    byte = static_cast<std::uint8_t>(dice());
  return use;
}

std::vector<blob_use> all_of(const blob_list& list) {
  std::vector<blob_use> all;
  blob_list::cursor cursor(list);
  for (auto next = cursor.next();; next = cursor.next()) {
    REQUIRE(next);
    if (!*next) return all;
    all.push_back(**next);
  }
}

} // namespace

TEST_CASE("a list of blobs is sorted and has each entry once, in memory or not") {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{1000},
                                  limits::sorted_run_entries, 3 * limits::sorted_run_entries + 7}) {
    CAPTURE(count);
    const scratch folder;
    blob_list list(folder.path());
    std::vector<blob_use> expected;
    for (std::size_t i = 0; i < count; ++i) {
      // Each name twice, far from each other; one in five has a second size.
      const auto n = static_cast<std::uint32_t>(i % (count / 2 + 1));
      expected.push_back(numbered(n, i % 5 == 0 ? 1 : 2));
      list.add(expected.back());
    }
    std::ranges::sort(expected);
    const auto twice = std::ranges::unique(expected);
    expected.erase(twice.begin(), twice.end());
    REQUIRE(list.sort());
    CHECK(std::ranges::equal(all_of(list), expected));
    CHECK(std::ranges::equal(all_of(list), expected)); // it can be read again
    CHECK(std::filesystem::is_empty(folder.path()));
  }
}

TEST_CASE("a list that has no room for its runs says so") {
  blob_list list("/nonexistent");
  for (std::uint32_t i = 0; i <= limits::sorted_run_entries; ++i)
    list.add({{}, i});
  const auto sorted = list.sort();
  REQUIRE_FALSE(sorted);
  CHECK(sorted.error().text().find("/nonexistent") != std::string::npos);
}

TEST_CASE("every file that a list does not name is found") {
  const scratch folder;
  blob_list list(folder.path());
  const auto blobs = folder / "blobs";
  std::set<std::string> expected;
  for (std::uint32_t i = 0; i < 600; ++i) {
    const auto use = numbered(i, 1);
    const auto hex = to_hex(use.name);
    const auto path = "blobs/" + hex.substr(0, 2) + '/' + hex.substr(2);
    const bool listed = i % 3 != 0, there = i % 4 != 0;
    if (listed) list.add(use);
    if (there) folder.write(path, "x");
    if (there && !listed) expected.insert(folder / path);
  }
  for (const auto* odd : {"blobs/left.part", "blobs/00/short", "blobs/zz/file", "blobs/0/1/2/deep",
                          "blobs/ff/0/nested"}) {
    folder.write(odd, "x");
    expected.insert(folder / odd);
  }
  REQUIRE(list.sort());
  std::set<std::string> found;
  REQUIRE(each_unlisted(blobs, list,
                        [&](const std::string& path) { CHECK(found.insert(path).second); }));
  CHECK(found == expected);
  CHECK_FALSE(each_unlisted(folder / "none", list, [](const std::string&) {}));
}
