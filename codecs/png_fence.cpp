#include "codecs/png_fence.hpp"

#include <cstdio>
#include <cstring>

namespace darkroom::codecs {

void on_png_error(png_structp png, png_const_charp text) {
  auto& errors = *static_cast<png_errors*>(png_get_error_ptr(png));
  std::snprintf(errors.text, sizeof errors.text, "%s", text);
  std::longjmp(errors.escape, 1);
}

void on_png_warning(png_structp png, png_const_charp text) {
  auto& errors = *static_cast<png_errors*>(png_get_error_ptr(png));
  errors.warnings += 1;
  // libpng says "iCCP: …" for each profile that it does not take.
  if (std::strncmp(text, "iCCP", 4) == 0) errors.icc_refused = true;
}

} // namespace darkroom::codecs
