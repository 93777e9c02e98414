// What is probed again and again, and how it was the last time. From any thread.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace darkroom::http {

struct health_check {
  std::string name;
  bool ok = true;
  std::string reason = {}; // a sentence for operators; empty: none is known
};

class health_board {
public:
  using clock = std::chrono::steady_clock;

  // `fault`: a sentence; empty: it works. From the first call on, the check is listed.
  void report(const std::string& name, const std::string& fault, clock::time_point now);
  // One that has not been reported for `health_stale_ms` does not work: its probe hangs.
  std::vector<health_check> read(clock::time_point now) const;
  // Whether one of them did not work at some time since then, or hangs.
  bool failed_since(const std::string& name, clock::time_point since, clock::time_point now) const;

private:
  struct entry {
    std::string fault;
    clock::time_point time;
    std::optional<clock::time_point> failed; // the last time
  };
  mutable std::mutex mutex_;
  std::map<std::string, entry> entries_;
};

} // namespace darkroom::http
