// What the help of a command says of options that depend on the formats.
#pragma once

#include "domain/output_format.hpp"

#include <string>

namespace darkroom::app {

struct format_help {
  std::string to;          // "Format of an output: a, b or c; may be repeated"
  std::string lossless;    // "Pixels exactly as they came (b, c)"
  std::string chroma;      // "A colour resolution: 420 or 444"
  std::string progressive; // "Progressive A, interlaced B"
};

format_help make_format_help(domain::output_formats formats);

} // namespace darkroom::app
