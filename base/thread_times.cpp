#include "base/thread_times.hpp"

#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace darkroom::base {

namespace {

// The clock of a thread's processor time, as pthread_getcpuclockid(3) makes it from the number.
clockid_t clock_of(pid_t thread) {
  constexpr int of_one_thread = 4, scheduled = 2;
  return static_cast<clockid_t>(~static_cast<unsigned>(thread) << 3) | of_one_thread | scheduled;
}

std::optional<std::uint64_t> used_ns(clockid_t clock) {
  timespec used{};
  if (::clock_gettime(clock, &used) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(used.tv_nsec);
}

} // namespace

std::uint64_t own_thread_us() {
  return used_ns(CLOCK_THREAD_CPUTIME_ID).value_or(0) / 1'000;
}

std::optional<std::uint64_t>
thread_times::used(const std::function<bool(std::string_view role)>& counts) {
  std::map<pid_t, std::uint64_t> now_ns;
  std::uint64_t sum_ns = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator task(tasks_, error); !error && task != end(task);
       task.increment(error)) {
    std::ifstream comm(task->path() / "comm");
    std::string role;
    if (!std::getline(comm, role)) return std::nullopt; // it has ended, or no descriptor is left
    if (!counts(role)) continue;
    const auto number = task->path().filename().string();
    pid_t thread = 0;
    std::from_chars(number.data(), number.data() + number.size(), thread);
    const auto ns = used_ns(clock_of(thread));
    if (!ns) continue; // it has just ended
    now_ns.emplace(thread, *ns);
    if (!seen_ns_) continue;
    const auto before = seen_ns_->find(thread);
    // A number is used again for another thread.
    sum_ns += before == seen_ns_->end() || before->second > *ns ? *ns : *ns - before->second;
  }
  if (error) return std::nullopt;
  const bool first = !seen_ns_;
  seen_ns_ = std::move(now_ns);
  return first ? std::nullopt : std::optional{sum_ns / 1'000};
}

} // namespace darkroom::base
