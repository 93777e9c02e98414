// Token buckets by name: requests per second, and a burst. Pure: the caller passes the time.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace darkroom::http {

struct rate_verdict {
  bool allowed = true;
  std::uint64_t limit = 0, remaining = 0;
  std::uint32_t reset_s = 0; // until there is at least one (or, if allowed, until it is full)
  double per_s = 0;
};

class rate_limiter {
public:
  rate_limiter(double per_s, std::uint64_t burst) : per_s_(per_s), burst_(burst) {}

  // Takes one from this name's bucket. Thread-safe.
  rate_verdict take(const std::string& name, std::uint64_t now_us);
  // Other limits from now on, for all buckets. Thread-safe.
  void set_limits(std::uint64_t per_s, std::uint64_t burst);

private:
  struct bucket {
    double tokens = 0;
    std::uint64_t filled_us = 0;
  };
  void forget_full(std::uint64_t now_us);
  double filled(const bucket& b, std::uint64_t now_us) const;

  double per_s_;
  std::uint64_t burst_;
  std::mutex mutex_;
  std::map<std::string, bucket> buckets_;
  std::size_t forget_at_ = 1'024; // buckets; then full ones go
};

} // namespace darkroom::http
