// Byte ranges of one representation (RFC 9110, section 14): one range is served, several are not.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace darkroom::http {

struct byte_range {
  std::uint64_t first = 0, length = 0;
  bool operator==(const byte_range&) const = default;
};

enum class range_verdict : std::uint8_t {
  whole,           // no range, or one that may be ignored
  part,            // see the range
  not_satisfiable, // nothing of it is there
};

struct range_answer {
  range_verdict verdict = range_verdict::whole;
  byte_range range;
};

// What `Range: …` asks of so many bytes.
range_answer read_range(std::string_view header, std::uint64_t size);

} // namespace darkroom::http
