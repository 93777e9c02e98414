// `darkroom worker`: one more machine for a server. The parent does nothing but start a process for
// each link, and another one when that ends, for ever.
#include "actors/cluster/link_tls.hpp"
#include "actors/cluster/worker_session.hpp"
#include "actors/limits.hpp"
#include "actors/orchestra.hpp"
#include "app/cgroup.hpp"
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/isolation_text.hpp"
#include "app/limits.hpp"
#include "app/memory_option.hpp"
#include "app/process_setup.hpp"
#include "app/text.hpp"
#include "base/errno_text.hpp"
#include "base/result.hpp"
#include "base/thread_name.hpp"
#include "base/unique_fd.hpp"
#include "codecs/host/codec_host.hpp"
#include "config/limits.hpp"
#include "config/version.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <random>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace darkroom::app {

namespace {

using std::chrono::milliseconds;

// How a process for one link ends, for its parent.
enum session_exit : int {
  session_stopped = 0,   // was asked to
  session_lost = 10,     // was joined
  session_refused = 11,  // was not let in
  session_twin = 12,     // the server knows a process like it: another one at once
  session_hopeless = 13, // never will be, with these files
  session_homeless = 14  // inputs cannot be kept here now
};

struct place {
  std::string host, port;
};

base::result<place, std::string> read_place(const std::string& text) {
  const auto colon = text.rfind(':');
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (colon == std::string::npos || host.empty() || colon + 1 == text.size())
    return std::unexpected("--join wants HOST:PORT, as in --join server.example:7411");
  return place{host, text.substr(colon + 1)};
}

void announce(const std::string& line) {
  std::fprintf(stderr, "%s %s\n", time_text(std::time(nullptr) * 1'000'000).c_str(),
               printable(line).c_str());
}

// A worker reads nothing again: SIGHUP ends it in order, unless it was started to ignore that.
sigset_t worker_end_signals() {
  auto set = end_signals();
  if (hangup_of_process() != hangup::ignored) sigaddset(&set, SIGHUP);
  return set;
}

// The end of a link, or the wish to stop, whichever comes first. Before the worker has joined, the
// wish ends the process at once.
class session_watch {
public:
  session_watch() {
    std::thread([this] {
      base::name_thread("signals");
      const auto set = worker_end_signals();
      int number = 0;
      while (::sigwait(&set, &number) != 0) {
      }
      tell(false);
    }).detach();
  }
  void tell(bool lost) {
    const std::lock_guard lock(mutex_);
    if (!lost && !joined_) ::_exit(session_stopped);
    if (!what_) what_ = lost;
    changed_.notify_all();
  }
  // True when the worker is to stop, false when the link is lost.
  bool wait() {
    std::unique_lock lock(mutex_);
    joined_ = true;
    changed_.wait(lock, [this] { return what_.has_value(); });
    return !*what_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool joined_ = false;
  std::optional<bool> what_;
};

// Why inputs cannot be kept in this folder, as a sentence; empty: they can.
std::string folder_fault(const std::string& folder) {
  auto path = folder + "/darkroom-check-XXXXXX";
  const base::unique_fd file{::mkostemp(path.data(), O_CLOEXEC)};
  if (file) ::unlink(path.c_str());
  if (file && ::write(file.get(), "x", 1) == 1) return "";
  return "--tmp " + folder + ": " + base::errno_text(errno);
}

int run_session(const worker_options_asked& o, const place& to, const std::string& machine,
                bool told_fault) {
  // A worker that can keep no input would give every file back.
  if (auto fault = folder_fault(o.folder); !fault.empty()) {
    if (!told_fault) announce(fault + "; not joining until that works");
    return session_homeless;
  }
  auto hosts = codecs::host::zygote::start();
  if (!hosts) {
    announce(hosts.error());
    return session_refused;
  }
  actors::worker_session_options options;
  options.host = to.host;
  options.port = to.port;
  options.identity = o.identity;
  options.folder = o.folder;
  options.version = version;
  options.formats = format_names();
  options.machine = machine;
  options.slots = o.slots;
  options.cores = usable_cores();
  options.memory_bytes = o.memory_bytes;
  options.announce = announce;
  session_watch watch;
  options.lost = [&watch] { watch.tell(true); };
  options.wait_for_stop = [&watch] { return watch.wait(); };
  const auto end = actors::run_worker_session(options, actors::host_runners(**hosts));
  const auto& code = end.refusal.code;
  if (!code.empty()) announce("not joined: " + end.refusal.text);
  if (end.stopped) return session_stopped;
  if (code == "identity_taken") return session_twin;
  if (code == "bad_identity") return session_hopeless;
  return code.empty() ? session_lost : session_refused;
}

std::string random_name() {
  std::random_device random;
  char text[33];
  std::snprintf(text, sizeof text, "%08x%08x%08x%08x", random(), random(), random(), random());
  return text;
}

// Waits for the child, or for a signal to end, which goes on to the child. The child is killed at a
// second one, and when it has not ended in time; one that even then does not end, as on a dead
// disk, is not waited for.
int wait_for(pid_t child, bool& asked_to_stop) {
  using steady = std::chrono::steady_clock;
  auto all = worker_end_signals();
  sigaddset(&all, SIGCHLD);
  bool killed = false;
  auto deadline = steady::time_point::max();
  while (true) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child)
      return WIFEXITED(status) ? WEXITSTATUS(status) : session_lost;
    int number = 0;
    if (asked_to_stop) {
      const auto left =
          std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(deadline - steady::now()));
      const timespec time{left.count() / 1'000, (left.count() % 1'000) * 1'000'000};
      number = ::sigtimedwait(&all, nullptr, &time);
      if (number < 0 && errno == EINTR) continue;
    } else if (::sigwait(&all, &number) != 0) {
      continue;
    }
    if (number == SIGCHLD) continue;
    if (killed) return session_lost;
    killed = asked_to_stop;
    asked_to_stop = true;
    deadline =
        steady::now() + milliseconds{killed ? limits::shutdown_hurry_ms : limits::shutdown_ms};
    ::kill(child, killed ? SIGKILL : SIGTERM);
  }
}

// True when it was asked to stop meanwhile.
bool rest(milliseconds most) {
  const auto set = worker_end_signals();
  const timespec time{most.count() / 1'000, (most.count() % 1'000) * 1'000'000};
  return ::sigtimedwait(&set, nullptr, &time) > 0;
}

} // namespace

void declare(CLI::App& command, worker_options_asked& o) {
  command.add_option("--join", o.join, "HOST:PORT of the server's cluster");
  command.add_option("--identity", o.identity,
                     "File that `darkroom cluster issue` made for this machine");
  command.add_flag("--formats", o.only_formats,
                   "Print which formats, by which libraries: the server must have the same");
  command
      .add_option("--slots", o.slots, "Files converted at the same time; default one for each core")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{limits::slots_max}));
  command.add_option(
      "--memory", o.memory,
      "Memory for everything together; default the least of 1GiB and three quarters of what the "
      "control group and the machine have");
  command.add_option("--tmp", o.folder, "Folder for files on their way; default the system's");
}

int run_worker(worker_options_asked& o) {
  if (o.only_formats) {
    std::printf("%s\n", format_names().c_str());
    return exit_all;
  }
  if (o.identity.empty())
    return complain("--identity wants the file that `darkroom cluster issue` has made for this "
                    "machine",
                    exit_usage);
  const auto to = read_place(o.join);
  if (!to) return complain(to.error(), exit_usage);
  const auto memory = read_memory(o.memory);
  if (!memory) return complain(memory.error(), exit_usage);
  o.memory_bytes = *memory;
  if (o.folder.empty()) {
    std::error_code error;
    o.folder = std::filesystem::temp_directory_path(error).string();
    if (error)
      return complain("TMPDIR names no folder: " + base::errno_text(error.value()) +
                          "; set it, or name one with --tmp",
                      exit_usage);
  }
  if (o.slots == 0) o.slots = std::min<std::size_t>(usable_cores(), limits::slots_max);
  while (o.slots > 1 &&
         actors::lease_memory_bytes(o.memory_bytes, o.slots) < limits::memory_lease_min_bytes)
    --o.slots;
  if (::access(o.identity.c_str(), R_OK) != 0)
    return complain(o.identity + ": " + base::errno_text(errno) +
                        "; `darkroom cluster issue NAME` on the server makes it",
                    exit_usage);
  if (actors::own_name(o.identity).empty())
    return complain(o.identity + " is no certificate; `darkroom cluster issue NAME` on the server "
                                 "makes one",
                    exit_usage);
  if (auto fault = folder_fault(o.folder); !fault.empty())
    return complain(fault + "; name a folder that this user can write to", exit_usage);
  const auto means = prepare_process(needs_of_conversions(o.slots));
  if (!means) return complain(means.error(), exit_usage);
  for (const auto& warning : means->warnings)
    announce(warning);
  {
    // Before anything is promised to a server.
    auto hosts = codecs::host::zygote::start();
    if (!hosts) return complain(hosts.error(), exit_temporary);
    const std::unique_ptr<codecs::host::zygote> owner(*hosts);
    if (auto ok = codecs::host::self_test(*owner); !ok) return complain(ok.error(), exit_usage);
    const auto lacking = missing_layers_text(owner->missing_layers());
    if (!lacking.empty())
      announce("isolation of codec hosts is reduced: they run without " + lacking);
  }
  auto set = worker_end_signals();
  sigaddset(&set, SIGCHLD);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const auto machine = random_name();
  announce("worker " + actors::own_name(o.identity) + ", Darkroom " + version);

  milliseconds pause{limits::worker_retry_first_ms};
  bool asked_to_stop = false;
  bool told_fault = false;
  // This process touches no disk from here on: it always answers signals.
  while (!asked_to_stop) {
    const pid_t parent = ::getpid(), child = ::fork();
    if (child < 0)
      return complain("no process can be started: " + base::errno_text(errno), exit_temporary);
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL); // ends with its parent
      ::_exit(::getppid() == parent ? run_session(o, *to, machine, told_fault) : session_lost);
    }
    const int how = wait_for(child, asked_to_stop);
    if (how == session_hopeless) return exit_usage;
    if (asked_to_stop) break;
    told_fault = how == session_homeless;
    if (told_fault) {
      if (rest(milliseconds{limits::worker_retry_most_ms})) break;
      continue;
    }
    if (how == session_twin) continue;
    if (how == session_lost) {
      announce("the link was lost; joining again");
      pause = milliseconds{limits::worker_retry_first_ms};
    }
    if (rest(pause)) break;
    pause = std::min(2 * pause, milliseconds{limits::worker_retry_most_ms});
  }
  announce("stopped");
  return exit_all;
}

} // namespace darkroom::app
