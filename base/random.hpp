// Random numbers of the operating system.
#pragma once

#include <cstdint>
#include <span>

namespace darkroom::base {

// Fills the bytes with numbers that nobody can guess. Throws `std::system_error` when the system
// has none, which no caller can go on from.
void fill_random(std::span<std::uint8_t> bytes);

} // namespace darkroom::base
