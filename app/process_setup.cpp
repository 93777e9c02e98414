#include "app/process_setup.hpp"

#include "app/limits.hpp"
#include "base/errno_text.hpp"
#include "base/unique_fd.hpp"
#include "codecs/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace darkroom::app {

namespace {

std::optional<rlim_t> hard_limit(__rlimit_resource_t resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_max;
}

// As far as it may be; returns what it is then.
rlim_t raise_limit(__rlimit_resource_t resource, rlim_t most) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return most;
  const auto wanted = std::min(most, limit.rlim_max);
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  limit.rlim_cur = wanted;
  if (::setrlimit(resource, &limit) != 0) ::getrlimit(resource, &limit);
  return limit.rlim_cur;
}

// Threads that all wait, to see how many there can be at the same time.
class thread_trial {
public:
  // Starts up to `wanted` threads; how many there are then.
  std::size_t start(std::size_t wanted) {
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, limits::trial_stack_bytes);
    while (threads_.size() < wanted) {
      pthread_t made{};
      if (::pthread_create(&made, &small, wait_for_end, this) != 0) break;
      threads_.push_back(made);
    }
    pthread_attr_destroy(&small);
    return threads_.size();
  }
  ~thread_trial() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    for (const auto thread : threads_)
      ::pthread_join(thread, nullptr);
  }

private:
  static void* wait_for_end(void* self) {
    auto& trial = *static_cast<thread_trial*>(self);
    std::unique_lock lock(trial.mutex_);
    trial.changed_.wait(lock, [&] { return trial.over_; });
    return nullptr;
  }
  std::vector<pthread_t> threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
};

// proc(5): a folder has a link for each folder in it. 0: unknown.
std::size_t count_own_threads() {
  struct stat about{};
  return ::stat("/proc/self/task", &about) == 0 ? about.st_nlink - 2 : 0;
}

std::size_t startable_threads(std::size_t wanted) {
  const auto before = count_own_threads();
  std::size_t started = 0;
  {
    thread_trial trial;
    started = trial.start(wanted);
  }
  // The kernel counts a thread a moment longer than it can be waited for.
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(limits::trial_end_ms);
  while (count_own_threads() > before && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  return started;
}

base::result<void, std::string> check_threads(std::size_t needed) {
  const auto possible = startable_threads(needed);
  if (possible >= needed) return {};
  std::string text = "only " + std::to_string(possible) + " of the " + std::to_string(needed) +
                     " threads and processes that are needed can be started: raise ";
  if (const auto limit = hard_limit(RLIMIT_NPROC))
    text += "the limit of processes of this user (ulimit -u, now " + std::to_string(*limit) + "), ";
  return std::unexpected(text + "TasksMax of the systemd unit or pids.max of the control group; or "
                                "use fewer slots and threads");
}

// Threads get a stack of the usual size, whatever `ulimit -s` says.
base::result<void, std::string> fix_stacks(std::vector<std::string>& warnings) {
  const auto main_stack = raise_limit(RLIMIT_STACK, limits::host_stack_bytes);
  if (main_stack < limits::stack_min_bytes)
    return std::unexpected("a stack of " + std::to_string(main_stack) +
                           " bytes is too small for codec hosts: raise ulimit -s to " +
                           std::to_string(limits::host_stack_bytes / limits::KiB));
  if (main_stack < limits::host_stack_bytes)
    warnings.push_back("codec hosts have a stack of only " + std::to_string(main_stack) +
                       " bytes (ulimit -s): files that need more fail");
  pthread_attr_t usual;
  pthread_attr_init(&usual);
  pthread_attr_setstacksize(&usual, limits::host_stack_bytes);
  ::pthread_setattr_default_np(&usual);
  pthread_attr_destroy(&usual);
  return {};
}

struct watched_limit {
  __rlimit_resource_t resource;
  rlim_t enough;
  const char* consequence;
};
constexpr watched_limit watched_limits[] = {
    {RLIMIT_AS, limits::address_space_enough_bytes,
     "the address space of each process is limited (ulimit -v): large images fail"},
    {RLIMIT_DATA, limits::address_space_enough_bytes,
     "the memory of each process is limited (ulimit -d): large images fail"},
    {RLIMIT_FSIZE, limits::output_bytes_max,
     "the size of files is limited (ulimit -f): larger uploads and outputs fail"},
    {RLIMIT_CPU, RLIM_INFINITY,
     "the processor time of each process is limited (ulimit -t): the kernel will end this one"},
};

// What is left for connections, when the process has what it needs for itself.
base::result<std::size_t, std::string> fit_connections(const process_needs& needs,
                                                       std::vector<std::string>& warnings) {
  constexpr auto each = limits::connection_descriptors;
  const std::size_t allowed = raise_limit(RLIMIT_NOFILE, RLIM_INFINITY);
  if (allowed >= needs.descriptors + needs.connections * each) return needs.connections;
  const auto least =
      needs.descriptors_least + std::min(needs.connections, limits::connections_least) * each;
  if (allowed < least)
    return std::unexpected("this process may open only " + std::to_string(allowed) +
                           " files and connections, and needs at least " + std::to_string(least) +
                           ": raise the limit (ulimit -n, LimitNOFILE of the systemd unit)");
  if (needs.connections == 0) return 0;
  const auto own = std::clamp(allowed / 2, needs.descriptors_least, needs.descriptors);
  const auto fitting =
      std::clamp((allowed - own) / each, std::min(needs.connections, limits::connections_least),
                 needs.connections);
  warnings.push_back("http.connections_max is " + std::to_string(fitting) + " instead of " +
                     std::to_string(needs.connections) + ": this process may open only " +
                     std::to_string(allowed) +
                     " files and connections (ulimit -n, LimitNOFILE of the systemd unit)");
  return fitting;
}

} // namespace

void open_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is this one.
    if (::open("/dev/null", O_RDWR) != fd) ::_exit(1); // there is nowhere to say why
  }
}

void make_files_private() {
  ::umask(077);
}

process_needs needs_of_conversions(std::size_t slots) {
  const auto hosts = slots + limits::other_hosts;
  return {.threads = limits::own_threads + slots + hosts,
          .descriptors = limits::own_descriptors + hosts * limits::slot_descriptors,
          .descriptors_least = limits::own_descriptors_least + hosts * limits::slot_descriptors};
}

process_needs needs_of_server(const config::settings& settings, std::size_t slots) {
  auto needs = needs_of_conversions(slots);
  needs.threads += settings.http.threads + settings.http.blocking_threads;
  if (!settings.cluster.dir.empty()) needs.threads += limits::cluster_threads;
  needs.connections = settings.http.connections_max;
  return needs;
}

base::result<process_means, std::string> prepare_process(const process_needs& needs) {
  process_means means;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // past `ulimit -f`, write says EFBIG
  if (auto ok = fix_stacks(means.warnings); !ok) return std::unexpected(ok.error());
  const auto connections = fit_connections(needs, means.warnings);
  if (!connections) return std::unexpected(connections.error());
  means.connections = *connections;
  if (auto ok = check_threads(needs.threads); !ok) return std::unexpected(ok.error());
  for (const auto& limit : watched_limits) {
    rlimit now{};
    if (::getrlimit(limit.resource, &now) == 0 && now.rlim_cur < limit.enough)
      means.warnings.push_back(std::string{limit.consequence} + " (now " +
                               std::to_string(now.rlim_cur) + ')');
  }
  if (::access("/proc/self/stat", R_OK) != 0)
    means.warnings.push_back("/proc is not mounted: the memory of codec hosts is limited by their "
                             "address space alone, and not measured");
  return means;
}

hangup hangup_of_process() {
  struct sigaction now{};
  ::sigaction(SIGHUP, nullptr, &now);
  if (now.sa_handler == SIG_IGN) return hangup::ignored;
  const base::unique_fd terminal{::open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
  return terminal ? hangup::ends : hangup::reloads;
}

sigset_t end_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

} // namespace darkroom::app
