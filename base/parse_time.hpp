// Times as people and APIs write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace darkroom::base {

// Microseconds since the Unix epoch, of a date (2026-11-21, its first instant in UTC) or a time
// with its offset (2026-11-21T10:15:02.5+01:00; RFC 3339). Nothing for anything else. Leap seconds
// count as the second before them.
std::optional<std::int64_t> parse_time(std::string_view text);

} // namespace darkroom::base
