#include "base/thread_times.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace darkroom::base {

std::optional<std::uint64_t>
thread_times::used(const std::function<bool(std::string_view role)>& counts) {
  std::map<std::string, std::uint64_t> now_ns;
  std::uint64_t used_ns = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator task(tasks_, error); !error && task != end(task);
       task.increment(error)) {
    const auto& path = task->path();
    std::ifstream comm(path / "comm");
    std::string role;
    std::getline(comm, role);
    if (!counts(role)) continue;
    std::ifstream schedstat(path / "schedstat");
    std::uint64_t ns = 0; // its first number: time on a processor
    if (!(schedstat >> ns)) continue;
    const auto number = path.filename().string();
    const auto before = seen_ns_.find(number);
    // A number is used again for another thread.
    used_ns += before == seen_ns_.end() || before->second > ns ? ns : ns - before->second;
    now_ns.emplace(number, ns);
  }
  seen_ns_ = std::move(now_ns);
  if (seen_ns_.empty()) return std::nullopt;
  return used_ns / 1'000;
}

} // namespace darkroom::base
