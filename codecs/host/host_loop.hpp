// The life of a codec host behind its walls: one job after another from one socket.
#pragma once

#include "codecs/progress_meter.hpp"

namespace darkroom::codecs::host {

// Serves until the socket is closed by the parent or the parent says something unreadable. `cell`:
// where the parent sees how far a conversion has come.
void serve(int socket, progress_cell* cell) noexcept;

} // namespace darkroom::codecs::host
