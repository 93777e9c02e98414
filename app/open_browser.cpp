#include "app/open_browser.hpp"

#include <cerrno>
#include <csignal>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace darkroom::app {

bool open_in_browser(const std::string& address) {
  // The shell exits at once: the browser is not a child of the server.
  const char* script = "command -v xdg-open >/dev/null || exit 1\n"
                       "xdg-open \"$1\" </dev/null >/dev/null 2>&1 &";
  const char* const words[] = {"sh", "-c", script, "sh", address.c_str(), nullptr};
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none); // ours are blocked
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0); // a signal for the server is not for the browser
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
  pid_t child = -1;
  const int failed = ::posix_spawn(&child, "/bin/sh", nullptr, &attributes,
                                   const_cast<char* const*>(words), ::environ);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) return false;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace darkroom::app
