// What a conversion is busy with.
#pragma once

#include "base/enum_names.hpp"

#include <cstdint>

namespace darkroom::domain {

enum class conversion_stage : std::uint8_t {
  starting,     // the host has the job
  decoding,     // the source becomes pixels
  transforming, // upright, colours, sizes
  encoding,     // pixels become an output
  storing,      // outputs go to disk
};

} // namespace darkroom::domain

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::domain::conversion_stage> =
    names("starting", "decoding", "transforming", "encoding", "storing");

namespace darkroom::domain {

using base::to_string;

// Where a conversion stands.
struct conversion_progress {
  conversion_stage stage = conversion_stage::starting;
  std::uint8_t percent = 0; // 0 to 100, of the whole conversion
  bool operator==(const conversion_progress&) const = default;
};

} // namespace darkroom::domain
