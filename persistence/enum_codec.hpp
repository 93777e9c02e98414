// Enums as numbers in the journal.
#pragma once

#include "base/enum_names.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>

namespace darkroom::persistence {

// The number of a value. Throws `std::logic_error` for a value that is in no table: it could not be
// read again, so it must not be written.
template<base::named_enum Enum>
std::uint32_t enum_number(Enum value) {
  if (!base::in_range(value))
    throw std::logic_error("an enum value out of range: " +
                           std::to_string(static_cast<unsigned>(value)));
  return static_cast<std::uint32_t>(value);
}

// False for a number that no value has.
template<base::named_enum Enum>
bool read_enum(std::uint32_t number, Enum& out) {
  const auto value = base::enum_from_number<Enum>(number);
  if (value) out = *value;
  return value.has_value();
}

} // namespace darkroom::persistence
