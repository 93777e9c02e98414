// Huffman codes as deflate stores them (RFC 1951, section 3.2.2): canonical, given by their
// lengths.
#pragma once

#include <cstdint>
#include <span>

namespace darkroom::codecs {

struct huffman_code {
  std::uint16_t bits = 0; // the first bit lowest
  std::uint16_t length = 0;
};

// The length of a code for each symbol, at most `bits_max`; 0 for one that does not occur. At least
// two symbols get a code, as some readers expect. There are at most 286 symbols, and no more than
// codes of `bits_max`.
void huffman_lengths(std::span<const std::uint32_t> frequencies, unsigned bits_max,
                     std::span<std::uint8_t> lengths);

void huffman_codes(std::span<const std::uint8_t> lengths, std::span<huffman_code> codes);

} // namespace darkroom::codecs
