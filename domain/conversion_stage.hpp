// What a conversion is busy with.
#pragma once

#include <cstdint>
#include <string_view>

namespace darkroom::domain {

enum class conversion_stage : std::uint8_t {
  starting,     // the host has the job
  decoding,     // the source becomes pixels
  transforming, // upright, colours, sizes
  encoding,     // pixels become an output
  storing,      // outputs go to disk
};
inline constexpr int conversion_stage_count = 5;

std::string_view to_string(conversion_stage stage);

// Where a conversion stands.
struct conversion_progress {
  conversion_stage stage = conversion_stage::starting;
  std::uint8_t percent = 0; // 0 to 100, of the whole conversion
  bool operator==(const conversion_progress&) const = default;
};

} // namespace darkroom::domain
