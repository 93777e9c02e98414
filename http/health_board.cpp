#include "http/health_board.hpp"

#include "http/limits.hpp"

namespace darkroom::http {

void health_board::report(const std::string& name, const std::string& fault,
                          clock::time_point now) {
  const std::lock_guard lock(mutex_);
  auto& found = entries_[name];
  found.fault = fault;
  found.time = now;
  if (!fault.empty()) found.failed = now;
}

bool health_board::failed_since(const std::string& name, clock::time_point since,
                                clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return false;
  const auto& last = found->second;
  return now - last.time >= std::chrono::milliseconds(limits::health_stale_ms) ||
         (last.failed && *last.failed >= since);
}

std::vector<health_check> health_board::read(clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  std::vector<health_check> checks;
  for (const auto& [name, last] : entries_) {
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - last.time);
    if (age >= std::chrono::milliseconds(limits::health_stale_ms))
      checks.push_back(
          {name, false, "has not answered for " + std::to_string(age.count() / 1'000) + " s"});
    else
      checks.push_back({name, last.fault.empty(), last.fault});
  }
  return checks;
}

} // namespace darkroom::http
