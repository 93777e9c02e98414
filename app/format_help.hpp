// What the help of a command says of options that depend on the formats.
#pragma once

#include "app/field_options.hpp"
#include "domain/output_format.hpp"

#include <string>

namespace darkroom::app {

struct format_help {
  std::string to; // "Format of an output: a, b or c; may be repeated"
  field_help fields;
};

format_help make_format_help(domain::output_formats formats);

} // namespace darkroom::app
