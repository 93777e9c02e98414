// One table of names for an enum: the text that people, APIs and reports see.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace darkroom::domain {

template<class Enum, std::size_t N>
using name_table = std::array<std::string_view, N>;

// Enums named by a table number their values from 0 without gaps, in the table's order.
template<class Enum, std::size_t N>
constexpr std::string_view name_of(const name_table<Enum, N>& table, Enum value) {
  const auto i = static_cast<std::size_t>(value);
  return i < N ? table[i] : std::string_view{"unknown"};
}

template<class Enum, std::size_t N>
constexpr std::optional<Enum> value_of(const name_table<Enum, N>& table, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i)
    if (table[i] == name) return static_cast<Enum>(i);
  return std::nullopt;
}

} // namespace darkroom::domain
