// Text that may be shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace darkroom::domain {

// RFC 3339, UTC, microseconds.
std::string time_text(std::int64_t unix_us);
// A file name as it may be shown: control characters and what is no UTF-8 become U+FFFD.
std::string printable(std::string_view name);

// "12.3 MB": decimal units, as file managers show them.
std::string size_text(std::uint64_t bytes);
// "3.1 s", "2 min 5 s".
std::string duration_text(double seconds);
// "1 file", "3 files".
std::string count_text(std::uint64_t count, std::string_view one);

} // namespace darkroom::domain
