#include "codecs/host/zygote.hpp"

#include "base/errno_text.hpp"
#include "base/result.hpp"
#include "base/thread_name.hpp"
#include "codecs/host/host_loop.hpp"
#include "codecs/host/messages.hpp"
#include "codecs/host/sandbox.hpp"
#include "codecs/limits.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <future>
#include <map>
#include <poll.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace darkroom::codecs::host {

namespace {

constexpr char zygote_name[] = "darkroom-zygote";
constexpr int control_fd = 3;     // in the zygote
constexpr int host_socket_fd = 3; // in a host

struct spawn_request {
  std::uint64_t address_bytes_max;
  host_role role;
};
struct spawn_reply {
  std::int32_t pid; // -1: it could not be forked
  std::int32_t error;
  isolation_layers missing_layers;
};

int open_pidfd(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

bool wait_for_end(int pidfd, int timeout_ms) {
  pollfd wait{pidfd, POLLIN, 0};
  int ready;
  do
    ready = ::poll(&wait, 1, timeout_ms);
  while (ready < 0 && errno == EINTR);
  return ready == 1;
}

// The hosts inherit it: when memory runs out, the kernel ends the largest of them, and never the
// server that holds the journal. Raising it needs no privileges; /proc is out of reach later.
void prefer_as_memory_victim() {
  const base::unique_fd file{::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)};
  constexpr std::string_view highest = "1000";
  if (file) (void)!::write(file.get(), highest.data(), highest.size());
}

// Memory that a host shares with the server: of one size for ever, so that neither can pull it away
// from under the other.
base::unique_fd make_progress_file() {
  base::unique_fd file{::memfd_create("progress", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  const bool ok = file && ::ftruncate(file.get(), sizeof(progress_cell)) == 0 &&
                  ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
  return ok ? std::move(file) : base::unique_fd{};
}

progress_cell* map_progress(int file) {
  void* at = ::mmap(nullptr, sizeof(progress_cell), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (at == MAP_FAILED) ::_exit(1);
  return static_cast<progress_cell*>(at);
}

[[noreturn]] void become_host(const seccomp_program& program, isolation_layers missing,
                              const spawn_request& wanted, int socket, int progress,
                              int zygote_pid) {
  progress_cell* cell = map_progress(progress);
  // Nothing of the zygote's stays reachable: its control socket least of all.
  if (::dup2(socket, host_socket_fd) != host_socket_fd) ::_exit(1);
  ::prctl(PR_SET_NAME, "darkroom-host", 0, 0, 0);
  enter_walls(program, missing, wanted.role, wanted.address_bytes_max, host_socket_fd, zygote_pid);
  serve(host_socket_fd, cell);
  ::_exit(0);
}

class zygote_process {
public:
  explicit zygote_process(isolation_layers missing_namespaces)
      : missing_layers_(missing_namespaces | missing_walls(program_)) {}

  int run() {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, nullptr);
    base::unique_fd signals{::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!signals) return 1;
    for (;;) {
      pollfd wait[2] = {{control_fd, POLLIN, 0}, {signals.get(), POLLIN, 0}};
      if (::poll(wait, 2, -1) < 0 && errno != EINTR) return 1;
      if (wait[1].revents != 0) {
        signalfd_siginfo told[8];
        (void)!::read(signals.get(), told, sizeof told);
        reap();
      }
      if (wait[0].revents != 0 && !serve_one()) return 0;
    }
  }

private:
  bool serve_one() {
    spawn_request request{};
    received_fds none;
    if (!receive(control_fd, &request, sizeof request, none)) return false;
    int pair[2];
    int status[2];
    spawn_reply reply{-1, 0, missing_layers_};
    const base::unique_fd progress = make_progress_file();
    if (!progress) {
      reply.error = errno;
      return send(control_fd, &reply, sizeof reply, {});
    }
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
      reply.error = errno;
      return send(control_fd, &reply, sizeof reply, {});
    }
    if (::pipe2(status, O_CLOEXEC) != 0) {
      reply.error = errno;
      ::close(pair[0]);
      ::close(pair[1]);
      return send(control_fd, &reply, sizeof reply, {});
    }
    base::unique_fd ours{pair[0]}, theirs{pair[1]}, status_out{status[0]}, status_in{status[1]};
    const pid_t self = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0)
      become_host(program_, missing_layers_, request, theirs.get(), progress.get(), self);
    reply.pid = pid;
    reply.error = pid < 0 ? errno : 0;
    if (pid < 0) return send(control_fd, &reply, sizeof reply, {});
    const base::unique_fd pidfd{open_pidfd(pid)};
    hosts_[pid] = std::move(status_in);
    const int fds[] = {ours.get(), status_out.get(), pidfd.get(), progress.get()};
    return send(control_fd, &reply, sizeof reply, fds);
  }

  void reap() {
    int status = 0;
    pid_t pid;
    rusage used{};
    const auto us = [](const timeval& t) {
      return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000 +
             static_cast<std::uint64_t>(t.tv_usec);
    };
    while ((pid = ::wait4(-1, &status, WNOHANG, &used)) > 0) {
      const auto host = hosts_.find(pid);
      if (host == hosts_.end()) continue;
      const exit_report report{WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                               WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                               us(used.ru_utime) + us(used.ru_stime)};
      (void)!::write(host->second.get(), &report, sizeof report);
      hosts_.erase(host);
    }
  }

  seccomp_program program_ = build_seccomp_program();
  isolation_layers missing_layers_;
  std::map<pid_t, base::unique_fd> hosts_; // to the writing end of each status pipe
};

} // namespace

bool is_zygote(int argc, char** argv) {
  return argc == 1 && std::strcmp(argv[0], zygote_name) == 0;
}

int run_zygote() {
  ::prctl(PR_SET_NAME, zygote_name, 0, 0, 0);
  std::signal(SIGPIPE, SIG_IGN);
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) return 1;
#ifdef DARKROOM_SANITIZED
  const int last_silenced = 1; // sanitizers report on standard error
#else
  const int last_silenced = 2;
#endif
  for (int fd = 0; fd <= last_silenced; ++fd)
    ::dup2(nothing, fd);
  ::close_range(control_fd + 1, ~0u, 0);
  prefer_as_memory_victim();
  const auto missing = enter_namespaces();
  // After the namespaces, which clear it. A stopped process does not see its control socket close.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return 1;
  return zygote_process(missing).run();
}

base::result<zygote*, std::string> zygote::start() {
  auto* made = new zygote();
  // Out of the way of the numbers that a zygote's own descriptors get.
  base::unique_fd binary{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  if (!binary) {
    // Without /proc, by the name that it was started with; getauxval(3).
    std::error_code error;
    const auto* name = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
    if (name != nullptr) made->binary_path_ = std::filesystem::absolute(name, error).string();
    binary.reset(::open(made->binary_path_.c_str(), O_RDONLY | O_CLOEXEC));
  }
  made->binary_.reset(::fcntl(binary.get(), F_DUPFD_CLOEXEC, control_fd + 7));
  if (auto ok = made->launch(); !ok) {
    delete made;
    return std::unexpected(ok.error());
  }
  return made;
}

zygote::~zygote() {
  control_.reset(); // it ends by itself, and its hosts with it
  if (pidfd_) wait_for_end(pidfd_.get(), limits::zygote_end_ms);
  end_process();
}

// A stopped process would block waitpid for ever: it is killed first, which works on any.
void zygote::end_process() {
  control_.reset();
  if (pidfd_) {
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
    if (wait_for_end(pidfd_.get(), limits::zygote_end_ms)) {
      ::waitpid(pid_, nullptr, WNOHANG);
      if (parent_thread_.joinable()) parent_thread_.join();
    } else if (parent_thread_.joinable()) {
      // The kernel has not finished ending it, as on a dead disk. Its thread ends when it does.
      parent_thread_.detach();
    }
  }
  pidfd_.reset();
  pid_ = -1;
}

// The kernel ends the zygote with the thread that started it, and a slot's thread ends before the
// process does: so a thread of its own starts the replacement, and stays until that has ended.
base::result<void, std::string> zygote::relaunch() {
  end_process();
  std::promise<base::result<void, std::string>> launched;
  auto result = launched.get_future();
  try {
    parent_thread_ = std::thread([this, launched = std::move(launched)]() mutable {
      base::name_thread("zygote parent");
      auto ok = launch();
      const base::unique_fd ended{ok ? ::fcntl(pidfd_.get(), F_DUPFD_CLOEXEC, 0) : -1};
      launched.set_value(std::move(ok)); // from here on, nothing of `this` is used
      if (ended) wait_for_end(ended.get(), -1);
    });
  } catch (const std::system_error& error) {
    return std::unexpected(std::string{"cannot start codec hosts: no thread: "} + error.what());
  }
  auto ok = result.get();
  if (!ok) parent_thread_.join();
  return ok;
}

// Another version of the program would speak another protocol.
bool zygote::is_replaced() const {
  struct stat own{}, there{};
  return !binary_path_.empty() &&
         (::fstat(binary_.get(), &own) != 0 || ::stat(binary_path_.c_str(), &there) != 0 ||
          own.st_dev != there.st_dev || own.st_ino != there.st_ino);
}

base::result<void, std::string> zygote::launch() {
  int pair[2];
  if (binary_ && is_replaced())
    return std::unexpected("cannot start codec hosts: " + binary_path_ +
                           " was replaced, and without /proc the old one cannot be found");
  if (!binary_ || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return std::unexpected("cannot start codec hosts: " + base::errno_text(errno));
  control_.reset(pair[0]);
  const base::unique_fd theirs{pair[1]};

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), control_fd);
  // Its own session: Ctrl-C at the terminal is for the server alone.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  char name[sizeof zygote_name];
  std::memcpy(name, zygote_name, sizeof zygote_name);
  char* const arguments[] = {name, nullptr};
  // Pictures are large blocks: with huge pages, they cost a fraction of the page faults.
  char huge_pages[] = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1";
  // What is not bound before a fork would be bound again in each host.
  char bind_now[] = "LD_BIND_NOW=1";
#ifdef DARKROOM_SANITIZED
  // The search for leaks needs /proc, which hosts do not have.
  char sanitizer[] = "ASAN_OPTIONS=detect_leaks=0:abort_on_error=1";
  char* const environment[] = {huge_pages, bind_now, sanitizer, nullptr};
#else
  char* const environment[] = {huge_pages, bind_now, nullptr};
#endif
  const auto path =
      binary_path_.empty() ? "/proc/self/fd/" + std::to_string(binary_.get()) : binary_path_;
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, path.c_str(), &actions, &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return std::unexpected("cannot start codec hosts: " + base::errno_text(error));
  pid_ = pid;
  pidfd_.reset(open_pidfd(pid));
  if (pidfd_) return {};
  const int no_pidfd = errno;
  ::kill(pid, SIGKILL); // not waited for yet: the number is still its own
  ::waitpid(pid, nullptr, 0);
  pid_ = -1;
  return std::unexpected("cannot watch the process that forks codec hosts: " +
                         base::errno_text(no_pidfd));
}

bool zygote::request(host_role role, std::uint64_t address_bytes_max, spawned_host& host) {
  const spawn_request wanted{address_bytes_max, role};
  spawn_reply reply{};
  received_fds fds;
  if (!send(control_.get(), &wanted, sizeof wanted, {})) return false;
  pollfd wait{control_.get(), POLLIN, 0};
  if (::poll(&wait, 1, limits::host_spawn_ms) != 1) return false;
  if (!receive(control_.get(), &reply, sizeof reply, fds)) return false;
  if (reply.pid <= 0 || fds.list().size() != 4) return false;
  missing_layers_ = reply.missing_layers;
  host.pid = reply.pid;
  host.socket.reset(fds.release(0));
  host.status.reset(fds.release(1));
  host.pidfd.reset(fds.release(2));
  host.progress.reset(fds.release(3));
  return true;
}

base::result<spawned_host, std::string> zygote::spawn_host(host_role role,
                                                           std::uint64_t address_bytes_max) {
  const std::lock_guard lock(mutex_);
  spawned_host host;
  if (request(role, address_bytes_max, host)) return host;
  if (auto ok = relaunch(); !ok) return std::unexpected(ok.error());
  if (request(role, address_bytes_max, host)) return host;
  return std::unexpected("the process that forks codec hosts does not answer");
}

} // namespace darkroom::codecs::host
