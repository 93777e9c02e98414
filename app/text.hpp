// Text for people and for machines: sizes, durations, times, file names.
#pragma once

#include "domain/text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace darkroom::app {

// "12.3 MB": decimal units, as file managers show them.
std::string size_text(std::uint64_t bytes);
// "3.1 s", "2 min 5 s".
std::string duration_text(double seconds);
using domain::printable;
using domain::time_text;
// "512MiB", "2GB", "1073741824".
std::optional<std::uint64_t> parse_size(std::string_view text);
// "1 file", "3 files".
std::string count_text(std::uint64_t count, std::string_view one);

} // namespace darkroom::app
