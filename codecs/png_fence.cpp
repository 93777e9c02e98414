#include "codecs/png_fence.hpp"

#include <cstdio>
#include <string_view>

namespace darkroom::codecs {

void on_png_error(png_structp png, png_const_charp text) {
  auto& errors = *static_cast<png_errors*>(png_get_error_ptr(png));
  std::snprintf(errors.text, sizeof errors.text, "%s", text);
  std::longjmp(errors.escape, 1);
}

void on_png_warning(png_structp png, png_const_charp text) {
  auto& errors = *static_cast<png_errors*>(png_get_error_ptr(png));
  errors.warnings += 1;
  const std::string_view warning = text;
  if (warning.starts_with("PLTE:")) errors.palette_repaired = true;
  // A picture with an alpha channel needs no tRNS: that warning is no damage.
  if (warning.starts_with("tRNS:") && warning.find("alpha channel") == warning.npos)
    errors.transparency_repaired = true;
  if (warning.starts_with("IDAT:") && warning.find("CRC error") != warning.npos)
    errors.data_damaged = true;
}

} // namespace darkroom::codecs
