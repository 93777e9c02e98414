// The paths that files have in a batch on a server.
#pragma once

#include "app/sources.hpp"

#include <string>
#include <vector>

namespace darkroom::app {

// One for each source, all different and all as the server takes them. A source whose own path may
// be keeps it, unless an earlier one has it: then it gets `-2`, `-3`, … before its extension, as
// does one that has to change. The same sources have the same paths every time.
std::vector<std::string> plan_upload_paths(const std::vector<source_file>& sources);

} // namespace darkroom::app
