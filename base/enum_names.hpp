// One table for each enum that is stored, sent or printed: how many values it has, how each is
// written, and how it is read back. Specialise `enum_names` beside the enum:
//
//   template<>
//   inline constexpr auto base::enum_names<colour> = names("red", "green");
//
// Values are numbered from 0 without gaps, in the order of the table. Numbers are stored in
// journals: append, never renumber.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace darkroom::base {

template<class... Texts>
constexpr auto names(Texts... texts) {
  return std::array<std::string_view, sizeof...(Texts)>{texts...};
}

template<class Enum>
inline constexpr std::nullptr_t enum_names = nullptr;

template<class Enum>
concept named_enum =
    std::is_enum_v<Enum> && !std::is_same_v<decltype(enum_names<Enum>), const std::nullptr_t>;

// Whether the enum declares an enumerator of this value: compilers print one by its name, and any
// other value as a cast, "(colour)7".
template<auto Value>
constexpr bool is_enumerator() {
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  return text[text.find("Value = ") + 8] != '(';
}

// How many values there are. Does not compile while an enumerator is missing from the table.
template<named_enum Enum>
inline constexpr std::size_t enum_count = [] {
  constexpr std::size_t count = enum_names<Enum>.size();
  static_assert(is_enumerator<static_cast<Enum>(count - 1)>(), "a name without an enumerator");
  static_assert(!is_enumerator<static_cast<Enum>(count)>(), "an enumerator without a name");
  return count;
}();

template<named_enum Enum>
constexpr bool in_range(Enum value) {
  return static_cast<std::size_t>(value) < enum_count<Enum>;
}

// The text that people, APIs and reports see; "unknown" for a value that is in no table.
template<named_enum Enum>
constexpr std::string_view to_string(Enum value) {
  return in_range(value) ? enum_names<Enum>[static_cast<std::size_t>(value)]
                         : std::string_view{"unknown"};
}

// Nothing when no value is written so.
template<named_enum Enum>
constexpr std::optional<Enum> parse_enum(std::string_view name) {
  for (std::size_t i = 0; i < enum_count<Enum>; ++i)
    if (enum_names<Enum>[i] == name) return static_cast<Enum>(i);
  return std::nullopt;
}

// From a number that came from a disk or another process: nothing when it is out of range.
template<named_enum Enum>
constexpr std::optional<Enum> enum_from_number(std::uint64_t number) {
  if (number >= enum_count<Enum>) return std::nullopt;
  return static_cast<Enum>(number);
}

// All values, in order.
template<named_enum Enum>
constexpr auto enum_values() {
  std::array<Enum, enum_count<Enum>> all{};
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = static_cast<Enum>(i);
  return all;
}

} // namespace darkroom::base
