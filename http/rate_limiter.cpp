#include "http/rate_limiter.hpp"

#include <algorithm>
#include <cmath>

namespace darkroom::http {

double rate_limiter::filled(const bucket& b, std::uint64_t now_us) const {
  const double seconds = static_cast<double>(now_us - std::min(now_us, b.filled_us)) / 1e6;
  return std::min(static_cast<double>(burst_), b.tokens + seconds * per_s_);
}

void rate_limiter::forget_full(std::uint64_t now_us) {
  std::erase_if(buckets_, [&](const auto& entry) {
    return filled(entry.second, now_us) >= static_cast<double>(burst_);
  });
  forget_at_ = std::max<std::size_t>(1'024, buckets_.size() * 2);
}

rate_verdict rate_limiter::take(const std::string& name, std::uint64_t now_us) {
  const std::lock_guard lock(mutex_);
  if (buckets_.size() >= forget_at_) forget_full(now_us);
  auto& b = buckets_.try_emplace(name, bucket{static_cast<double>(burst_), now_us}).first->second;
  b.tokens = filled(b, now_us);
  b.filled_us = now_us;
  rate_verdict verdict{b.tokens >= 1, burst_, 0, 0, per_s_};
  if (verdict.allowed) b.tokens -= 1;
  verdict.remaining = static_cast<std::uint64_t>(b.tokens);
  const double missing = verdict.allowed ? static_cast<double>(burst_) - b.tokens : 1 - b.tokens;
  verdict.reset_s = static_cast<std::uint32_t>(std::ceil(std::max(0.0, missing) / per_s_));
  return verdict;
}

void rate_limiter::set_limits(std::uint64_t per_s, std::uint64_t burst) {
  const std::lock_guard lock(mutex_);
  per_s_ = static_cast<double>(per_s);
  burst_ = burst;
}

} // namespace darkroom::http
