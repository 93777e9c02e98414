#include "codecs/huffman.hpp"

#include <algorithm>
#include <array>

namespace darkroom::codecs {

namespace {

constexpr std::size_t symbols_max = 286;

struct leaf {
  std::uint32_t frequency;
  std::uint16_t symbol;
};

// The classic construction with two queues, of leaves and of nodes, each sorted by frequency: the
// two rarest become one node. Returns the greatest depth.
unsigned assign_depths(std::span<const leaf> leaves, std::span<std::uint8_t> lengths) {
  const std::size_t n = leaves.size();
  std::array<std::uint64_t, symbols_max> weight{};
  std::array<std::uint16_t, 2 * symbols_max> parent{}; // of leaves, then of nodes
  std::size_t next_leaf = 0;
  std::size_t next_node = 0;
  for (std::size_t made = 0; made + 1 < n; ++made) {
    for (int child = 0; child < 2; ++child) {
      const bool is_leaf =
          next_leaf < n && (next_node == made || leaves[next_leaf].frequency <= weight[next_node]);
      weight[made] += is_leaf ? leaves[next_leaf].frequency : weight[next_node];
      parent[is_leaf ? next_leaf++ : n + next_node++] = static_cast<std::uint16_t>(n + made);
    }
  }
  std::array<std::uint8_t, 2 * symbols_max> depth{};
  unsigned deepest = 0;
  for (std::size_t i = 2 * n - 2; i-- > 0;) {
    depth[i] = static_cast<std::uint8_t>(std::min(depth[parent[i]] + 1, 255));
    if (i < n) {
      lengths[leaves[i].symbol] = depth[i];
      deepest = std::max<unsigned>(deepest, depth[i]);
    }
  }
  return deepest;
}

std::uint16_t reversed(unsigned bits, unsigned count) {
  unsigned out = 0;
  for (; count > 0; --count, bits >>= 1)
    out = out << 1 | (bits & 1);
  return static_cast<std::uint16_t>(out);
}

} // namespace

void huffman_lengths(std::span<const std::uint32_t> frequencies, unsigned bits_max,
                     std::span<std::uint8_t> lengths) {
  std::array<leaf, symbols_max> leaves;
  std::size_t n = 0;
  for (std::size_t symbol = 0; symbol < frequencies.size(); ++symbol)
    if (frequencies[symbol] > 0)
      leaves[n++] = {frequencies[symbol], static_cast<std::uint16_t>(symbol)};
  for (std::uint16_t symbol = 0; n < 2; ++symbol)
    if (frequencies[symbol] == 0) leaves[n++] = {1, symbol};
  const std::span used{leaves.data(), n};
  std::ranges::fill(lengths, std::uint8_t{0});
  std::ranges::sort(used, [](const leaf& a, const leaf& b) {
    return a.frequency != b.frequency ? a.frequency < b.frequency : a.symbol < b.symbol;
  });
  // Flatter frequencies keep their order and give shorter codes to the rarest.
  while (assign_depths(used, lengths) > bits_max)
    for (auto& each : used)
      each.frequency = (each.frequency + 1) / 2;
}

void huffman_codes(std::span<const std::uint8_t> lengths, std::span<huffman_code> codes) {
  std::array<std::uint16_t, 17> next{};
  for (const auto length : lengths)
    if (length > 0) ++next[length + 1u];
  for (std::size_t bits = 2; bits < next.size(); ++bits)
    next[bits] = static_cast<std::uint16_t>((next[bits - 1] + next[bits]) << 1);
  for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol)
    if (const unsigned length = lengths[symbol]; length > 0)
      codes[symbol] = {reversed(next[length]++, length), static_cast<std::uint16_t>(length)};
    else
      codes[symbol] = {};
}

} // namespace darkroom::codecs
