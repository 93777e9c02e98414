#include "codecs/row_deflate.hpp"

#include "codecs/huffman.hpp"

#include <catch2/catch_test_macros.hpp>
#include <zlib.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace darkroom::codecs;

namespace {

using bytes = std::vector<std::uint8_t>;

constexpr std::size_t block_bytes = 60 * 1024;

bytes random_bytes(std::size_t size, unsigned seed) {
  std::mt19937 dice(seed);
  bytes out(size);
  for (auto& b : out)
    b = static_cast<std::uint8_t>(dice());
  return out;
}

// Small differences, most of them near zero: a filtered photo.
bytes like_a_photo(std::size_t size, unsigned seed) {
  std::mt19937 dice(seed);
  std::normal_distribution<> difference(0, 4);
  bytes out(size);
  for (auto& b : out)
    b = static_cast<std::uint8_t>(static_cast<int>(difference(dice)));
  return out;
}

bytes repeated(const bytes& part, std::size_t size) {
  bytes out(size);
  for (std::size_t i = 0; i < size; ++i)
    out[i] = part[i % part.size()];
  return out;
}

// Everything that decides a way through the code: lengths of repetitions, their distances, places
// at the borders of blocks.
bytes mixture(std::size_t size, unsigned seed) {
  std::mt19937 dice(seed);
  bytes out;
  while (out.size() < size) {
    const auto fresh =
        dice() % 3 == 0 ? random_bytes(dice() % 300, dice()) : like_a_photo(dice() % 3000, dice());
    out.insert(out.end(), fresh.begin(), fresh.end());
    if (out.size() < 2) continue;
    const std::size_t distance = 1 + dice() % std::min<std::size_t>(out.size() - 1, 40'000);
    for (std::size_t n = dice() % 600; n > 0; --n)
      out.push_back(out[out.size() - distance]);
  }
  out.resize(size);
  return out;
}

bytes deflated(const bytes& rows, std::size_t room) {
  bytes out(room);
  out.resize(deflate_rows(rows, out));
  return out;
}

// By zlib.
bytes inflated(const bytes& stream, std::size_t size) {
  bytes out(size + 1);
  uLongf n = out.size();
  REQUIRE(uncompress(out.data(), &n, stream.data(), stream.size()) == Z_OK);
  out.resize(n);
  return out;
}

} // namespace

TEST_CASE("rows come back from their stream", "[codecs][png]") {
  const struct {
    std::string name;
    bytes rows;
  } cases[] = {
      {"none", {}},
      {"one byte", {7}},
      {"seven bytes", {0, 0, 0, 0, 0, 0, 0}},
      {"zeros", bytes(1'000'000)},
      {"one value", bytes(block_bytes, 255)},
      {"every value", repeated(random_bytes(256, 1), 70'000)},
      {"noise", random_bytes(300'000, 2)},
      {"a block", like_a_photo(block_bytes, 3)},
      {"a byte less", like_a_photo(block_bytes - 1, 4)},
      {"a byte more", like_a_photo(block_bytes + 1, 5)},
      {"blocks", like_a_photo(5 * block_bytes, 6)},
      {"the greatest distance", repeated(random_bytes(32'768, 7), 200'000)},
      {"one more than that", repeated(random_bytes(32'769, 8), 200'000)},
      {"more than 65,536 apart", repeated(random_bytes(65'536 + 100, 9), 300'000)},
  };
  for (const auto& [name, rows] : cases) {
    INFO(name);
    const auto stream = deflated(rows, rows.size() + 4096);
    REQUIRE_FALSE(stream.empty());
    CHECK((inflated(stream, rows.size()) == rows));
    CHECK((deflated(rows, rows.size() + 4096) == stream));
  }
}

TEST_CASE("mixtures of noise, photos and repetitions come back", "[codecs][png]") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    const auto rows = mixture(20'000 + seed * 4'001, seed);
    const auto stream = deflated(rows, rows.size() + 4096);
    REQUIRE_FALSE(stream.empty());
    CHECK((inflated(stream, rows.size()) == rows));
  }
}

TEST_CASE("a stream that does not fit is none", "[codecs][png]") {
  const auto rows = mixture(150'000, 1);
  const std::size_t size = deflated(rows, 2 * rows.size()).size();
  REQUIRE(size > 0);
  // With a guard behind the room that it has.
  for (std::size_t room = 0; room < size; room += 1 + room / 7) {
    INFO(room);
    bytes out(room + 64, 0xA5);
    CHECK(deflate_rows(rows, std::span{out}.first(room)) == 0);
    CHECK(std::all_of(out.begin() + static_cast<std::ptrdiff_t>(room), out.end(),
                      [](std::uint8_t b) { return b == 0xA5; }));
  }
}

TEST_CASE("noise is stored: it grows by a few bytes in a block", "[codecs][png]") {
  const auto rows = random_bytes(10 * block_bytes, 3);
  CHECK(deflated(rows, 2 * rows.size()).size() <= rows.size() + std::size_t{10} * 6 + 8);
}

TEST_CASE("a photo is no larger than zlib's fastest makes it", "[codecs][png]") {
  const auto rows = like_a_photo(1'000'000, 4);
  uLongf size = compressBound(rows.size());
  bytes out(size);
  REQUIRE(compress2(out.data(), &size, rows.data(), rows.size(), Z_BEST_SPEED) == Z_OK);
  CHECK(deflated(rows, rows.size()).size() < size);
}

TEST_CASE("lengths of codes fill the code space and keep to the limit", "[codecs][png]") {
  std::vector<std::uint32_t> doubled, fibonacci{1, 1};
  for (unsigned i = 0; i < 30; ++i)
    doubled.push_back(1u << i);
  while (fibonacci.size() < 40)
    fibonacci.push_back(fibonacci.end()[-1] + fibonacci.end()[-2]);
  const struct {
    std::string name;
    std::vector<std::uint32_t> frequencies;
    unsigned bits_max;
    std::size_t used;
  } cases[] = {
      {"nothing occurs", std::vector<std::uint32_t>(30), 15, 2},
      {"the first occurs", {9, 0, 0}, 15, 2},
      {"the second occurs", {0, 9, 0}, 15, 2},
      {"all equal", std::vector<std::uint32_t>(286, 5), 14, 286},
      {"powers of two", doubled, 15, 30},
      {"the deepest tree", fibonacci, 14, 40},
      {"one frequent symbol",
       {1'000'000, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
       7,
       19},
  };
  for (const auto& [name, frequencies, bits_max, used] : cases) {
    INFO(name);
    std::vector<std::uint8_t> lengths(frequencies.size());
    huffman_lengths(frequencies, bits_max, lengths);
    std::uint64_t space = 0; // Kraft's sum, in units of 2^-32
    std::size_t coded = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      if (frequencies[i] > 0) CHECK(lengths[i] > 0);
      CHECK(lengths[i] <= bits_max);
      if (lengths[i] > 0) {
        ++coded;
        space += std::uint64_t{1} << (32 - lengths[i]);
      }
      for (std::size_t j = 0; j < i; ++j) // the more frequent one is not longer
        if (frequencies[i] > frequencies[j] && lengths[j] > 0) CHECK(lengths[i] <= lengths[j]);
    }
    CHECK(coded == used);
    CHECK(space == std::uint64_t{1} << 32);
  }
}

TEST_CASE("codes are canonical, with the first bit lowest", "[codecs][png]") {
  // The example of RFC 1951, section 3.2.2: A to H.
  const std::vector<std::uint8_t> lengths{3, 3, 3, 3, 3, 2, 4, 4};
  std::vector<huffman_code> codes(lengths.size());
  huffman_codes(lengths, codes);
  const unsigned reversed[] = {0b010, 0b110, 0b001, 0b101, 0b011, 0b00, 0b0111, 0b1111};
  for (std::size_t i = 0; i < codes.size(); ++i) {
    CHECK(codes[i].bits == reversed[i]);
    CHECK(codes[i].length == lengths[i]);
  }
}
