// Bounds the audit entries of refused requests, so that a client in a loop cannot fill the journal.
#pragma once

#include "http/rate_limiter.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace darkroom::http {

class refusal_audit {
public:
  explicit refusal_audit(std::uint64_t per_hour)
      : allowed_(static_cast<double>(per_hour) / 3'600.0, per_hour) {}

  struct verdict {
    bool kept = true;
    std::uint64_t left_out = 0; // refusals of this user since the last entry; with `kept`
  };
  // One more refusal of this user. Thread-safe.
  verdict take(const std::string& user, std::uint64_t now_us);
  // Refusals of all users that have no entry.
  std::uint64_t left_out() const;

private:
  rate_limiter allowed_;
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> left_out_; // by user, since the last entry
  std::uint64_t total_left_out_ = 0;
};

} // namespace darkroom::http
