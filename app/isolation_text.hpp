// Which layers separate codec hosts from the rest of the system, in words.
#pragma once

#include "codecs/host/sandbox.hpp"

#include <string>

namespace darkroom::app {

// "network namespace, Landlock, …": those that are there, or those that are missing.
std::string active_layers_text(codecs::host::isolation_layers missing);
std::string missing_layers_text(codecs::host::isolation_layers missing);

} // namespace darkroom::app
