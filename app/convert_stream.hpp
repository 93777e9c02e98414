// `darkroom convert -o -`: one image to standard output, without a folder and without a journal.
#pragma once

#include "app/convert_options.hpp"
#include "codecs/host/zygote.hpp"

namespace darkroom::app {

// Returns the process's exit code.
int convert_to_standard_output(convert_options& options, codecs::host::zygote& hosts);

} // namespace darkroom::app
