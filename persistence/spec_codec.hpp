// Between a conversion spec and bytes, for messages between machines.
#pragma once

#include "domain/conversion_spec.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace darkroom::persistence {

std::string encode_spec(const domain::conversion_spec& spec);
// Checks everything that the domain relies on: bytes from another machine may be anything.
std::optional<domain::conversion_spec> decode_spec(std::string_view bytes);

} // namespace darkroom::persistence
