// A library that is loaded before all others (LD_PRELOAD) and lets system calls of the journal and
// of the blob store fail, wait, or be the last that the process makes. What it does is in the
// variable FAULTS: rules separated by blanks, each
//
//   [CALL@PATTERN>]CALL@PATTERN=ACTION[#WHEN]
//
//   CALL     open, write, sync, rename, unlink, mkdir
//   PATTERN  of the path (of a rename, of its target), as for fnmatch
//   ACTION   kill (before the call), killed (after it), errno NUMBER, wait MILLISECONDS as wait200
//   WHEN     N: the N-th time only; N-M: so many times; N+: from then on; without: always
//
// With a first part, the rule counts only from when that call was made for the first time.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

enum class call_kind { none, open, write, sync, rename, unlink, mkdir };
enum class action { kill_before, kill_after, fail, wait };

call_kind kind_of(const std::string& name) {
  constexpr std::pair<const char*, call_kind> names[] = {
      {"open", call_kind::open},     {"write", call_kind::write},   {"sync", call_kind::sync},
      {"rename", call_kind::rename}, {"unlink", call_kind::unlink}, {"mkdir", call_kind::mkdir}};
  for (const auto& [known, kind] : names)
    if (name == known) return kind;
  return call_kind::none;
}

struct pattern {
  call_kind kind = call_kind::none;
  std::string path;
  bool fits(call_kind k, const char* p) const {
    return kind == k && ::fnmatch(path.c_str(), p, 0) == 0;
  }
};

pattern read_pattern(const std::string& text) {
  const auto at = text.find('@');
  return {kind_of(text.substr(0, at)), at == std::string::npos ? "*" : text.substr(at + 1)};
}

struct rule {
  pattern armed_by, of;
  action what = action::kill_before;
  int number = 0; // errno, or milliseconds
  unsigned long from = 1, to = ~0ul;
  std::atomic<bool> armed{true};
  std::atomic<unsigned long> count{0};

  explicit rule(const std::string& text) {
    const auto arrow = text.find('>');
    auto rest = arrow == std::string::npos ? text : text.substr(arrow + 1);
    if (arrow != std::string::npos) {
      armed_by = read_pattern(text.substr(0, arrow));
      armed = false;
    }
    const auto hash = rest.rfind('#');
    if (hash != std::string::npos) {
      char* end = nullptr;
      from = std::strtoul(rest.c_str() + hash + 1, &end, 10);
      to = *end == '+' ? ~0ul : *end == '-' ? std::strtoul(end + 1, nullptr, 10) : from;
      rest.resize(hash);
    }
    const auto equals = rest.rfind('=');
    of = read_pattern(rest.substr(0, equals));
    const auto verb = rest.substr(equals + 1);
    if (verb == "kill") {
      what = action::kill_before;
    } else if (verb == "killed") {
      what = action::kill_after;
    } else if (verb.starts_with("wait")) {
      what = action::wait;
      number = std::atoi(verb.c_str() + 4);
    } else {
      what = action::fail;
      number = std::atoi(verb.c_str());
    }
  }
  // Whether it is this call's turn.
  bool due(call_kind kind, const char* path) {
    if (!armed) {
      if (armed_by.fits(kind, path)) armed = true;
      return false;
    }
    if (!of.fits(kind, path)) return false;
    const auto n = ++count;
    return n >= from && n <= to;
  }
};

std::vector<rule*>& rules() {
  static std::vector<rule*> all = [] {
    std::vector<rule*> made;
    const char* text = std::getenv("FAULTS");
    std::string rest = text == nullptr ? "" : text;
    while (!rest.empty()) {
      const auto end = rest.find(' ');
      if (end != 0) made.push_back(new rule(rest.substr(0, end)));
      rest = end == std::string::npos ? "" : rest.substr(end + 1);
    }
    return made;
  }();
  return all;
}

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  for (;;)
    ::pause();
}

// Does what is due before the call; true: the call is not to be made, errno says why. `after`: the
// process ends with the call.
bool before(call_kind kind, const char* path, bool& after) {
  bool fails = false;
  int error = 0;
  for (auto* r : rules()) {
    if (!r->due(kind, path)) continue;
    switch (r->what) {
    case action::kill_before:
      die();
    case action::kill_after:
      after = true;
      break;
    case action::fail:
      fails = true;
      error = r->number;
      break;
    case action::wait: {
      const timespec time{r->number / 1000, r->number % 1000 * 1'000'000L};
      ::nanosleep(&time, nullptr);
      break;
    }
    }
  }
  if (fails) errno = error;
  return fails;
}

bool before(call_kind kind, int fd, bool& after) {
  if (rules().empty()) return false;
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const auto n = ::readlink(link, path, sizeof path - 1);
  if (n <= 0 || path[0] != '/') return false;
  path[n] = '\0';
  return before(kind, path, after);
}

template<class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

} // namespace

#define FAULTY(kind, what, failed, call)                                                           \
  bool after = false;                                                                              \
  if (before(call_kind::kind, what, after)) return failed;                                         \
  const auto done = call;                                                                          \
  if (after) die();                                                                                \
  return done

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const auto mode = va_arg(more, mode_t);
  va_end(more);
  static const auto next = real<int (*)(const char*, int, mode_t)>("open");
  FAULTY(open, path, -1, next(path, flags, mode));
}
int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const auto mode = va_arg(more, mode_t);
  va_end(more);
  static const auto next = real<int (*)(const char*, int, mode_t)>("open64");
  FAULTY(open, path, -1, next(path, flags, mode));
}
ssize_t write(int fd, const void* data, size_t size) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  FAULTY(write, fd, -1, next(fd, data, size));
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  FAULTY(write, fd, -1, next(fd, data, size, at));
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  FAULTY(write, fd, -1, next(fd, data, size, at));
}
int fsync(int fd) {
  static const auto next = real<int (*)(int)>("fsync");
  FAULTY(sync, fd, -1, next(fd));
}
int fdatasync(int fd) {
  static const auto next = real<int (*)(int)>("fdatasync");
  FAULTY(sync, fd, -1, next(fd));
}
int syncfs(int fd) noexcept {
  static const auto next = real<int (*)(int)>("syncfs");
  FAULTY(sync, fd, -1, next(fd));
}
int rename(const char* from, const char* to) noexcept {
  static const auto next = real<int (*)(const char*, const char*)>("rename");
  FAULTY(rename, to, -1, next(from, to));
}
int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) noexcept {
  static const auto next = real<int (*)(int, const char*, int, const char*, unsigned)>("renameat2");
  FAULTY(rename, to, -1, next(from_at, from, to_at, to, flags));
}
int unlink(const char* path) noexcept {
  static const auto next = real<int (*)(const char*)>("unlink");
  FAULTY(unlink, path, -1, next(path));
}
int mkdir(const char* path, mode_t mode) noexcept {
  static const auto next = real<int (*)(const char*, mode_t)>("mkdir");
  FAULTY(mkdir, path, -1, next(path, mode));
}

} // extern "C"
