#include "domain/failure_reason.hpp"

namespace darkroom::domain {

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
