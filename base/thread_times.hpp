// Processor time of the threads of this process, by their role (`name_thread`).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace darkroom::base {

class thread_times {
public:
  // `tasks`: a folder as proc(5) describes it, with `comm` and `schedstat` of each thread.
  explicit thread_times(std::string tasks = "/proc/self/task") : tasks_(std::move(tasks)) {}

  // What the threads whose role counts have used since the last call, in microseconds; the first
  // call: since they began. Nothing where the kernel keeps no such statistics. What a thread used
  // that has ended since then is lost.
  std::optional<std::uint64_t> used(const std::function<bool(std::string_view role)>& counts);

private:
  std::string tasks_;
  std::map<std::string, std::uint64_t> seen_ns_; // by the thread's number
};

} // namespace darkroom::base
