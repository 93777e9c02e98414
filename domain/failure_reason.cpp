#include "domain/failure_reason.hpp"

#include "domain/names.hpp"

namespace darkroom::domain {

namespace {

constexpr name_table<failure_reason, failure_reason_count> names{"unsupported_format",
                                                                 "corrupt_input",
                                                                 "truncated_input",
                                                                 "limit_pixels",
                                                                 "limit_dimensions",
                                                                 "limit_memory",
                                                                 "limit_time",
                                                                 "limit_frames",
                                                                 "limit_input_bytes",
                                                                 "loss_not_allowed",
                                                                 "output_dimension_unsupported",
                                                                 "encode_failed",
                                                                 "source_missing",
                                                                 "source_changed",
                                                                 "io_error",
                                                                 "disk_full",
                                                                 "crashed",
                                                                 "node_lost",
                                                                 "internal",
                                                                 "output_exists"};
static_assert(static_cast<int>(failure_reason::output_exists) + 1 == failure_reason_count);

} // namespace

std::string_view to_string(failure_reason reason) {
  return name_of(names, reason);
}

std::optional<failure_reason> parse_failure_reason(std::string_view name) {
  return value_of<failure_reason>(names, name);
}

bool is_transient(failure_reason reason) {
  switch (reason) {
  case failure_reason::io_error:
  case failure_reason::crashed:
  case failure_reason::internal:
  case failure_reason::source_missing:
    return true;
  default:
    return false;
  }
}

std::string_view explain(failure_reason reason) {
  switch (reason) {
  case failure_reason::unsupported_format:
    return "no image of a kind that can be converted";
  case failure_reason::corrupt_input:
    return "the image data is damaged";
  case failure_reason::truncated_input:
    return "the image data ends too early";
  case failure_reason::limit_pixels:
    return "the image has more pixels than allowed";
  case failure_reason::limit_dimensions:
    return "a side of the image is longer than allowed";
  case failure_reason::limit_memory:
    return "the conversion needs more memory than the budget allows; raise --memory";
  case failure_reason::limit_time:
    return "the conversion took longer than its size allows";
  case failure_reason::limit_frames:
    return "the image has more frames or scans than allowed";
  case failure_reason::limit_input_bytes:
    return "the file is larger than allowed";
  case failure_reason::loss_not_allowed:
    return "the output would lose something that must not be lost";
  case failure_reason::output_dimension_unsupported:
    return "the output format cannot hold an image this large; resize it";
  case failure_reason::encode_failed:
    return "the encoder refused the image";
  case failure_reason::source_missing:
    return "the source file is not there";
  case failure_reason::source_changed:
    return "the source file changed after it was added; run again";
  case failure_reason::io_error:
    return "reading the source or writing the output failed";
  case failure_reason::disk_full:
    return "there is no room for the output";
  case failure_reason::crashed:
    return "the codec process died";
  case failure_reason::node_lost:
    return "the machines that ran the file were lost";
  case failure_reason::internal:
    return "a fault in Darkroom itself";
  case failure_reason::output_exists:
    return "something else lies at the output path; use --existing skip or overwrite";
  }
  return "unknown";
}

} // namespace darkroom::domain
