#include "codecs/host/sandbox.hpp"

#include "codecs/host/file_systems.hpp"
#include "codecs/limits.hpp"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <new>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace darkroom::codecs::host {

namespace {

constexpr uid_t nobody = 65534;
[[noreturn]] void give_up(host_wall missing) {
  ::_exit(exit_no_wall + static_cast<int>(missing));
}

void require(bool ok, host_wall what) {
  if (!ok) give_up(what);
}

// Only downwards: what was inherited as less stays.
void limit(__rlimit_resource_t resource, rlim_t soft, rlim_t hard) {
  rlimit both{};
  require(::getrlimit(resource, &both) == 0, host_wall::resource_limits);
  both.rlim_max = std::min(both.rlim_max, hard);
  both.rlim_cur = std::min(both.rlim_max, soft);
  require(::setrlimit(resource, &both) == 0, host_wall::resource_limits);
}

// False where root may not become another user: without CAP_SETUID, or where only root exists.
bool drop_user() {
  if (::geteuid() != 0) return true;
  return ::setgroups(0, nullptr) == 0 && ::setresgid(nobody, nobody, nobody) == 0 &&
         ::setresuid(nobody, nobody, nobody) == 0;
}

bool can_drop_user() {
  if (::geteuid() != 0) return true;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(drop_user() ? 0 : 1);
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

void drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  require(::syscall(SYS_capset, &header, none) == 0, host_wall::no_capabilities);
}

// Less than 1: not in this kernel.
long landlock_version() {
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

// Every way to name a file is denied: a ruleset that handles all of them and allows none.
void deny_files() {
  if (landlock_version() < 1) return;
  landlock_ruleset_attr handled{};
  handled.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; // all of the first version
  const long ruleset = ::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
  require(ruleset >= 0, host_wall::no_files);
  require(::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0, host_wall::no_files);
  ::close(static_cast<int>(ruleset));
}

// What the libraries do once at first use would die under the filter: glibc's qsort asks for the
// machine's memory, malloc sets up its arena, a date (lcms puts one into each profile) reads the
// time zone, and the first exception of all takes a lock.
void warm_up() {
  ::tzset();
  try {
    throw std::bad_alloc();
  } catch (const std::bad_alloc& first) {
    (void)first.what();
  }
  constexpr std::size_t count = 512;
  auto* numbers = static_cast<std::uint32_t*>(std::malloc(count * sizeof(std::uint32_t)));
  require(numbers != nullptr, host_wall::resource_limits);
  for (std::size_t i = 0; i < count; ++i)
    numbers[i] = static_cast<std::uint32_t>(count - i);
  std::qsort(numbers, count, sizeof *numbers, [](const void* a, const void* b) {
    return *static_cast<const int*>(a) - *static_cast<const int*>(b);
  });
  std::free(numbers);
}

void load(const seccomp_program& program) {
  if (program.empty()) return;
  sock_fprog filter{static_cast<unsigned short>(program.size() / sizeof(sock_filter)),
                    reinterpret_cast<sock_filter*>(const_cast<std::uint8_t*>(program.data()))};
  require(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0, host_wall::call_filter);
}

} // namespace

seccomp_program build_seccomp_program() {
  seccomp_program program;
#ifndef DARKROOM_SANITIZED
  scmp_filter_ctx context = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (context == nullptr) return program;
  bool ok = true;
  const auto add = [&](std::uint32_t action, int call, auto... conditions) {
    const scmp_arg_cmp list[] = {conditions..., scmp_arg_cmp{}};
    ok = ok && seccomp_rule_add_array(context, action, call, sizeof...(conditions), list) == 0;
  };
  for (const int call :
       {SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(pwrite64), SCMP_SYS(recvmsg),
        SCMP_SYS(sendmsg), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(munmap), SCMP_SYS(mremap),
        SCMP_SYS(brk), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall)})
    add(SCMP_ACT_ALLOW, call);
  add(SCMP_ACT_ALLOW, SCMP_SYS(newfstatat),
      SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
  add(SCMP_ACT_ALLOW, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  add(SCMP_ACT_ALLOW, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  for (std::uint32_t advice = 0; advice <= MADV_COLD; ++advice) {
    const bool allowed = advice == MADV_DONTNEED || advice == MADV_HUGEPAGE;
    add(allowed ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM), SCMP_SYS(madvise),
        SCMP_A2(SCMP_CMP_EQ, advice));
  }
  add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  // Its own address space, within the hard limit, and nothing else.
  add(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), SCMP_A0(SCMP_CMP_EQ, 0),
      SCMP_A1(SCMP_CMP_EQ, RLIMIT_AS));
  ok = ok && seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0;
  const int fd = ::memfd_create("filter", MFD_CLOEXEC);
  ok = ok && fd >= 0 && seccomp_export_bpf(context, fd) == 0;
  struct stat about{};
  if (ok && ::fstat(fd, &about) == 0) {
    program.resize(static_cast<std::size_t>(about.st_size));
    ok = ::pread(fd, program.data(), program.size(), 0) == about.st_size;
  }
  if (fd >= 0) ::close(fd);
  seccomp_release(context);
  if (!ok || program.empty()) give_up(host_wall::call_filter);
#endif
  return program;
}

isolation_layers enter_namespaces() noexcept {
  using enum isolation_layer;
  isolation_layers missing = bit(network_namespace) | bit(ipc_namespace) | bit(uts_namespace) |
                             bit(empty_root) | bit(released_mounts);
  const bool root = ::geteuid() == 0;
  if (root && ::unshare(CLONE_NEWNET) == 0) {
    missing &= ~bit(network_namespace);
  } else if (!root || errno == EPERM) {
    // Without privileges, a user namespace gives the right to make the others.
    if (::unshare(CLONE_NEWUSER) != 0) return missing;
    if (root) missing |= bit(unprivileged_user); // outside of it, it is still root
    if (::unshare(CLONE_NEWNET) == 0) missing &= ~bit(network_namespace);
  }
  if (::unshare(CLONE_NEWIPC) == 0) missing &= ~bit(ipc_namespace);
  if (::unshare(CLONE_NEWUTS) == 0) missing &= ~bit(uts_namespace);
  if (::unshare(CLONE_NEWNS) != 0) return missing;
  // A mount namespace begins with a copy of every mount: a disk that is unmounted by others would
  // stay in use for as long as we live.
  const auto left = leave_file_systems();
  if (left.empty_root) missing &= ~bit(empty_root);
  if (left.mounts_released) missing &= ~bit(released_mounts);
  return missing;
}

isolation_layers missing_walls(const seccomp_program& program) noexcept {
  isolation_layers missing = 0;
  if (landlock_version() < 1) missing |= bit(isolation_layer::landlock);
  if (program.empty()) missing |= bit(isolation_layer::system_call_filter);
  if (!can_drop_user()) missing |= bit(isolation_layer::unprivileged_user);
  return missing;
}

void enter_walls(const seccomp_program& program, isolation_layers missing, host_role role,
                 std::uint64_t address_bytes_max, int last_fd, int parent_pid) noexcept {
  using namespace darkroom::limits;
  require(::close_range(static_cast<unsigned>(last_fd) + 1, ~0u, 0) == 0,
          host_wall::closed_descriptors);
  std::signal(SIGXFSZ, SIG_IGN); // past the output limit, write says EFBIG
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);

  limit(RLIMIT_STACK, host_stack_bytes, host_stack_bytes);
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_NOFILE, host_open_files, host_open_files);
  limit(RLIMIT_FSIZE, output_bytes_max, output_bytes_max);
  limit(RLIMIT_CPU, host_cpu_lifetime_s, host_cpu_lifetime_s + 5);
#ifndef DARKROOM_SANITIZED
  limit(RLIMIT_AS, address_bytes_max, address_bytes_max);
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 256 * 1024); // large blocks go back to the system at once
  mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
#else
  (void)address_bytes_max;
#endif
  warm_up();
  // Landlock and seccomp ask for it.
  require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, host_wall::no_new_privileges);
  deny_files();
  require(drop_user() || (missing & bit(isolation_layer::unprivileged_user)) != 0, host_wall::user);
  drop_capabilities();
  require(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, host_wall::not_dumpable);
  // After the change of user, which clears it.
  require(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, host_wall::death_with_parent);
  require(::getppid() == parent_pid, host_wall::death_with_parent); // it may have died before that
  // Last: what others leave of a busy machine must do for conversions, but a slot waits for a host
  // that begins.
  if (role == host_role::conversion)
    require(::setpriority(PRIO_PROCESS, 0, std::max(host_nice, ::getpriority(PRIO_PROCESS, 0))) ==
                0,
            host_wall::priority);
  load(program);
}

void limit_address_space(std::uint64_t bytes) noexcept {
#ifndef DARKROOM_SANITIZED
  rlimit now{};
  if (::getrlimit(RLIMIT_AS, &now) != 0) return;
  now.rlim_cur = std::min<rlim_t>(bytes, now.rlim_max);
  (void)::setrlimit(RLIMIT_AS, &now);
#else
  (void)bytes;
#endif
}

} // namespace darkroom::codecs::host
