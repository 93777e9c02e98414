// A conversion spec as bytes for a codec host: what a conversion depends on, field after field in
// the order of the description, in the machine's own byte order. Both sides are the same binary.
#pragma once

#include "domain/conversion_spec.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace darkroom::codecs::host {

// Room for any valid spec: a test packs the largest.
inline constexpr std::size_t packed_spec_bytes_max = 1'024;

struct packed_spec {
  std::uint32_t size = 0;
  std::array<std::uint8_t, packed_spec_bytes_max> bytes{};
};

// Throws `std::length_error` for a spec that is larger than any valid one.
packed_spec pack(const domain::conversion_spec& spec);
// Nothing when the bytes are no spec, or hold values that are not possible. Fields that no host
// needs have their defaults.
std::optional<domain::conversion_spec> unpack(const packed_spec& packed);

} // namespace darkroom::codecs::host
