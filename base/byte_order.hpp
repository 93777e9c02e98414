// Numbers in bytes of a fixed order, as file formats store them.
#pragma once

#include <cstdint>

namespace darkroom::base {

// Each reads the four bytes at `p`.
constexpr std::uint32_t read_u32_be(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}
constexpr std::uint32_t read_u32_le(const std::uint8_t* p) {
  return std::uint32_t{p[3]} << 24 | std::uint32_t{p[2]} << 16 | std::uint32_t{p[1]} << 8 | p[0];
}

} // namespace darkroom::base
