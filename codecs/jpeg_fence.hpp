// What decoder and encoder of JPEG share: errors of libjpeg-turbo as values. Included only by
// `jpeg_*.cpp`.
#pragma once

#include "codecs/codec_error.hpp"
#include "codecs/progress_meter.hpp"

#include <csetjmp>
#include <cstdint>
#include <cstdio> // jpeglib.h wants FILE
#include <string>

#include <jerror.h>
#include <jpeglib.h>

namespace darkroom::codecs {

// Takes the place of libjpeg's own error handler, which would end the process.
struct jpeg_errors {
  jpeg_error_mgr base; // first: libjpeg hands us a pointer to it
  std::jmp_buf escape;
  char text[JMSG_LENGTH_MAX];
  int code = 0;
  std::uint32_t warnings = 0;
  std::uint32_t warnings_max = 0;
  bool truncated = false;             // the source ended before its image did
  std::uint8_t arrived_percent = 100; // of the rows, when it did
  bool too_many_scans = false;
};

// Fills `base`; libjpeg is then given `&errors.base`.
void install(jpeg_errors& errors) noexcept;

// Tells how far libjpeg has come by its own count of passes and rows.
void tell(const jpeg_progress_mgr& counted, progress_meter progress) noexcept;

// What `escape` was taken for.
codec_error error_of(const jpeg_errors& errors, domain::failure_reason fallback);

} // namespace darkroom::codecs
