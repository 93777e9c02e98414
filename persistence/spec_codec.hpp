// A conversion spec as bytes: in the journal, and between machines.
#pragma once

#include "domain/conversion_spec.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace darkroom::persistence {

std::string encode_spec(const domain::conversion_spec& spec);
// Nothing when the bytes are no spec, or hold values that are not possible.
std::optional<domain::conversion_spec> decode_spec(std::string_view bytes);

} // namespace darkroom::persistence
