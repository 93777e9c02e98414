// Why a file failed: the whole list, in one enum. The numbers are stored in journals: never
// renumber, only append.
#pragma once

#include "base/enum_names.hpp"

#include <cstdint>
#include <string_view>

namespace darkroom::domain {

enum class failure_reason : std::uint8_t {
  unsupported_format,           // the bytes are no format, or no variant of it, that we decode
  corrupt_input,                // the bytes contradict their format
  truncated_input,              // the bytes end too early, and nothing could or may be salvaged
  limit_pixels,                 // more pixels than allowed
  limit_dimensions,             // a side longer than allowed
  limit_memory,                 // needs more memory than there ever is for one file
  limit_time,                   // needed more time than its size allows
  limit_frames,                 // more JPEG scans than allowed
  limit_input_bytes,            // a larger file than allowed
  loss_not_allowed,             // the output would lose what the spec does not allow to be lost
  output_dimension_unsupported, // the output format cannot hold an image this large
  encode_failed,                // the encoder refused
  source_missing,               // the source is not there
  source_changed,               // the source is not the one that was added
  io_error,                     // reading or writing failed
  disk_full,                    // no room for the output
  crashed,                      // the codec host died
  node_lost,                    // machine after machine was lost while it ran the file
  internal,                     // a bug of ours
  output_exists,                // something else lies where the output should go
};

} // namespace darkroom::domain

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::domain::failure_reason> =
    names("unsupported_format", "corrupt_input", "truncated_input", "limit_pixels",
          "limit_dimensions", "limit_memory", "limit_time", "limit_frames", "limit_input_bytes",
          "loss_not_allowed", "output_dimension_unsupported", "encode_failed", "source_missing",
          "source_changed", "io_error", "disk_full", "crashed", "node_lost", "internal",
          "output_exists");

namespace darkroom::domain {

using base::to_string;

// Whether another attempt may succeed on its own.
bool is_transient(failure_reason reason);

// One sentence for people: what happened and what to do.
std::string_view explain(failure_reason reason);

} // namespace darkroom::domain
