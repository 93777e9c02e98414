// What a conversion will do, known from the header alone: sizes, the way the pixels go, and what
// it will take. The pipeline follows it, the dispatcher grants memory by it.
#pragma once

#include "codecs/format.hpp"
#include "codecs/resize.hpp"

namespace darkroom::codecs {

struct output_plan {
  const format_row* format = nullptr;
  resize_plan resize; // of the upright picture
};

struct conversion_plan {
  std::vector<output_plan> outputs;
  bool yuv420 = false;                         // pixels stay Y, U, V from source to output
  std::uint8_t orientation = 1;                // to apply
  std::uint32_t width_min = 0, height_min = 0; // for a reduced decode, as stored
  std::uint32_t scale_denominator = 1;         // of the decode
  std::uint64_t memory_bytes = 0;              // predicted peak, on top of an idle host
  std::uint64_t output_pixels = 0;             // of all outputs together
  std::uint32_t cpu_ms_max = 0;                // allowed
  // Predicted relative cost, for fair shares: about the microseconds of one core.
  std::uint64_t cost = 0;
};

// Refuses what the header already shows to be impossible: an unknown output format, an animation,
// an output that its format cannot hold.
result<conversion_plan> plan_conversion(const image_info& info, std::uint64_t input_bytes,
                                        const domain::conversion_spec& spec);

// What is allowed to a small picture whose header has not been read: memory, time and cost only.
conversion_plan plan_unread(std::uint64_t input_bytes, const domain::conversion_spec& spec);

} // namespace darkroom::codecs
