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

} // namespace darkroom::domain
