// The life of a codec host behind its walls: one job after another from one socket.
#pragma once

namespace darkroom::codecs::host {

// Serves until the socket is closed by the parent or the parent says something unreadable.
void serve(int socket) noexcept;

} // namespace darkroom::codecs::host
