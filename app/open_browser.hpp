// Opens an address in the default browser of this machine.
#pragma once

#include <string>

namespace darkroom::app {

// By xdg-open, which is not waited for; false when there is none. While the browser starts, other
// users of the machine can see the address in the list of processes.
bool open_in_browser(const std::string& address);

} // namespace darkroom::app
