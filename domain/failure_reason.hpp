// Why a file failed: the whole list, in one enum. The numbers are stored in journals: never
// renumber, only append.
#pragma once

#include <cstdint>
#include <optional>
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
  limit_frames,                 // more animation frames, or more JPEG scans, than allowed
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
inline constexpr int failure_reason_count = 20;

std::string_view to_string(failure_reason reason);
std::optional<failure_reason> parse_failure_reason(std::string_view name);

// Whether another attempt may succeed on its own.
bool is_transient(failure_reason reason);

// One sentence for people: what happened and what to do.
std::string_view explain(failure_reason reason);

} // namespace darkroom::domain
