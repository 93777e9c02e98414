// What an errno means, in words. The one place where errnos become text.
#pragma once

#include <string>

namespace darkroom::base {

// "No space left on device"; where it is not obvious, with what to do about it. From any thread.
std::string errno_text(int code);

// Whether the same may work later with nothing changed: the system is short of something, or a disk
// or a network does not answer.
bool is_transient_errno(int code);

} // namespace darkroom::base
