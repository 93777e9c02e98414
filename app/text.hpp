// Text for people and for machines: sizes, durations, times, file names.
#pragma once

#include "domain/text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace darkroom::app {

using domain::count_text;
using domain::duration_text;
using domain::printable;
using domain::size_text;
using domain::time_text;
// "512MiB", "2GB", "1073741824".
std::optional<std::uint64_t> parse_size(std::string_view text);

} // namespace darkroom::app
