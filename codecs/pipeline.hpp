// One file from source to outputs, in one readable list of steps.
#pragma once

#include "codecs/conversion_plan.hpp"
#include "codecs/crop.hpp"

#include <span>

namespace darkroom::codecs {

struct conversion_request {
  int input_fd = -1; // read from its position
  std::uint64_t input_bytes = 0;
  const domain::conversion_spec& spec;
  input_limits limits;
  std::span<const int> output_fds; // one for each output of the spec
  progress_meter progress;
  std::optional<pixel_area> crop; // only this part of each output is written
  // Of a picture whose header nobody has read: what it may take.
  struct allowance {
    std::uint64_t memory_bytes = 0;
    std::uint32_t cpu_ms = 0;
  };
  std::optional<allowance> unread = std::nullopt;
};

struct conversion {
  image_info info;
  bool needs_more = false; // than it may take: nothing was converted, and only `info` is known
  domain::loss_set losses;
  std::uint8_t arrived_percent = 100; // of the source's picture
  struct output {
    std::uint64_t bytes = 0;
    std::uint32_t width = 0, height = 0;
  };
  std::vector<output> outputs;
};

// Reads the header only.
result<image_info> probe(int input_fd, std::uint64_t input_bytes, const input_limits& limits);

// Probe → check limits → decode → orient → colour → for each output: resize → fit to what the
// format holds → metadata → encode.
result<conversion> convert(const conversion_request& request);

} // namespace darkroom::codecs
