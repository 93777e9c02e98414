// Names threads by their role, so that `top -H`, gdb and a core file say what each one does.
#pragma once

#include <string>

namespace darkroom::base {

// Names the calling thread. The kernel keeps 15 bytes; what is longer is cut. A thread that is not
// named carries the name of the one that started it.
void name_thread(const std::string& role);

// Of the calling thread.
std::string thread_name();

} // namespace darkroom::base
