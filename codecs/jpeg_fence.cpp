#include "codecs/jpeg_fence.hpp"

namespace darkroom::codecs {

namespace {

jpeg_errors& errors_of(j_common_ptr info) {
  return *reinterpret_cast<jpeg_errors*>(info->err);
}

[[noreturn]] void on_error(j_common_ptr info) {
  auto& errors = errors_of(info);
  errors.code = errors.base.msg_code;
  errors.base.format_message(info, errors.text);
  std::longjmp(errors.escape, 1);
}

void on_message(j_common_ptr info, int level) {
  if (level >= 0) return; // a trace
  auto& errors = errors_of(info);
  errors.warnings += 1;
  if (errors.base.msg_code == JWRN_JPEG_EOF) errors.truncated = true;
  if (errors.warnings > errors.warnings_max) on_error(info);
}

void print_nothing(j_common_ptr) {}

} // namespace

void install(jpeg_errors& errors) noexcept {
  jpeg_std_error(&errors.base);
  errors.base.error_exit = on_error;
  errors.base.emit_message = on_message;
  errors.base.output_message = print_nothing;
}

void tell(const jpeg_progress_mgr& counted, progress_meter progress) noexcept {
  if (counted.pass_limit <= 0 || counted.total_passes <= 0) return;
  const auto rows = static_cast<std::uint64_t>(counted.pass_limit);
  const auto before = static_cast<std::uint64_t>(counted.completed_passes) * rows;
  progress.at(before + static_cast<std::uint64_t>(counted.pass_counter),
              rows * static_cast<std::uint64_t>(counted.total_passes));
}

codec_error error_of(const jpeg_errors& errors, domain::failure_reason fallback) {
  using enum domain::failure_reason;
  if (errors.too_many_scans) return {limit_frames, "more scans than allowed"};
  auto reason = fallback;
  switch (errors.code) {
  case JERR_OUT_OF_MEMORY:
    reason = limit_memory;
    break;
  case JERR_BAD_PRECISION:
  case JERR_SOF_UNSUPPORTED:
  case JERR_CONVERSION_NOTIMPL:
  case JERR_COMPONENT_COUNT:
    reason = unsupported_format;
    break;
  case JERR_IMAGE_TOO_BIG:
    reason = limit_dimensions;
    break;
  case JERR_INPUT_EMPTY:
  case JERR_INPUT_EOF:
    reason = truncated_input;
    break;
  default:
    if (errors.truncated && fallback == corrupt_input) reason = truncated_input;
    break;
  }
  return {reason, errors.text};
}

} // namespace darkroom::codecs
