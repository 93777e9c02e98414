// What decoder and encoder of PNG share: errors of libpng as values. Included only by `png_*.cpp`.
#pragma once

#include <png.h>

#include <csetjmp>
#include <cstdint>

namespace darkroom::codecs {

// Given to libpng as its error pointer, together with `on_png_error` and `on_png_warning`, which
// take the place of its own handlers: those would end the process and print.
struct png_errors {
  std::jmp_buf escape;
  char text[128] = "";
  std::uint32_t warnings = 0;
  bool truncated = false;
  // Warnings that concern what is seen, by the chunk that they name.
  bool palette_repaired = false;
  bool transparency_repaired = false;
  bool data_damaged = false;
};

[[noreturn]] void on_png_error(png_structp png, png_const_charp text);
void on_png_warning(png_structp png, png_const_charp text);

} // namespace darkroom::codecs
