#include "app/serve_signals.hpp"

#include "app/exit_code.hpp"
#include "app/limits.hpp"
#include "app/serve_log.hpp"
#include "base/thread_name.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <poll.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace darkroom::app {

namespace {

using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

sigset_t obeyed_signals(hangup meaning) {
  auto set = end_signals();
  if (meaning != hangup::ignored) sigaddset(&set, SIGHUP);
  return set;
}

// Logs from another thread, and waits for that no longer than it should take: the disk of the log
// may be what hangs.
void log_without_waiting(const char* line) {
  const auto logged = std::make_shared<std::atomic<bool>>(false);
  try {
    std::thread([logged, line] {
      base::name_thread("last log line");
      spdlog::critical("{}", line);
      close_log();
      *logged = true;
    }).detach();
  } catch (const std::system_error&) {
    return;
  }
  const auto end = steady::now() + milliseconds(limits::last_word_ms);
  while (!*logged && steady::now() < end)
    std::this_thread::sleep_for(milliseconds(1));
}

[[noreturn]] void end_at_once() {
  log_without_waiting("the shutdown timed out, perhaps because a disk does not respond; what was "
                      "acknowledged is on disk");
  ::_exit(exit_temporary);
}

} // namespace

serve_signals::serve_signals(hangup meaning) : meaning_(meaning) {
  const auto set = obeyed_signals(meaning);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  over_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!signals_ || !over_)
    throw std::system_error(errno, std::generic_category(), "receiving signals");
  thread_ = std::thread([this] { run(); });
}

serve_signals::~serve_signals() {
  const std::uint64_t one = 1;
  (void)!::write(over_.get(), &one, sizeof one);
  thread_.join();
}

serve_signals::wish serve_signals::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ending_ || reload_; });
  if (ending_) return wish::end;
  reload_ = false;
  return wish::reload;
}

void serve_signals::run() {
  base::name_thread("signals");
  while (true) {
    pollfd wait[] = {{signals_.get(), POLLIN, 0}, {over_.get(), POLLIN, 0}};
    int timeout_ms = -1;
    if (ending_) {
      const auto left = std::chrono::ceil<milliseconds>(deadline_ - steady::now()).count();
      if (left <= 0) end_at_once();
      timeout_ms = static_cast<int>(left);
    }
    const int ready = ::poll(wait, std::size(wait), timeout_ms);
    if (ready <= 0) continue;
    if (wait[1].revents != 0) return;
    signalfd_siginfo told{};
    if (::read(signals_.get(), &told, sizeof told) == sizeof told)
      obey(static_cast<int>(told.ssi_signo));
  }
}

void serve_signals::obey(int number) {
  const bool reloads = number == SIGHUP && meaning_ == hangup::reloads;
  {
    const std::lock_guard lock(mutex_);
    if (reloads) {
      reload_ = true;
    } else if (ending_) {
      deadline_ = std::min(deadline_, steady::now() + milliseconds(limits::shutdown_hurry_ms));
      hurry_ = true;
    } else {
      deadline_ = steady::now() + milliseconds(limits::shutdown_ms);
      ending_ = true;
    }
  }
  changed_.notify_all();
}

} // namespace darkroom::app
