// Processor time of the threads of this process, by their role (`name_thread`).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

namespace darkroom::base {

// What the calling thread has used of the processors since it began, in microseconds.
std::uint64_t own_thread_us();

class thread_times {
public:
  // `tasks`: a folder as proc(5) describes it, with `comm` of each thread.
  explicit thread_times(std::string tasks = "/proc/self/task") : tasks_(std::move(tasks)) {}

  // What the threads whose role counts have used since the last call, in microseconds. The first
  // call only takes note of what they have used so far; nothing as well when the threads cannot be
  // listed. What a thread used that has ended since the last call is lost.
  std::optional<std::uint64_t> used(const std::function<bool(std::string_view role)>& counts);

private:
  std::string tasks_;
  std::optional<std::map<pid_t, std::uint64_t>> seen_ns_;
};

} // namespace darkroom::base
