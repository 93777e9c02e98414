// Numbers in bytes of a fixed order, as file formats store them.
#pragma once

#include <cstdint>

namespace darkroom::base {

// Each reads, or writes, the bytes at `p`.
constexpr std::uint16_t read_u16_be(const std::uint8_t* p) {
  return static_cast<std::uint16_t>(p[0] << 8 | p[1]);
}
constexpr std::uint32_t read_u32_be(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}
constexpr std::uint32_t read_u32_le(const std::uint8_t* p) {
  return std::uint32_t{p[3]} << 24 | std::uint32_t{p[2]} << 16 | std::uint32_t{p[1]} << 8 | p[0];
}
constexpr void write_u32_be(std::uint8_t* p, std::uint32_t v) {
  for (unsigned i = 0; i < 4; ++i)
    p[i] = static_cast<std::uint8_t>(v >> (24 - 8 * i));
}

} // namespace darkroom::base
