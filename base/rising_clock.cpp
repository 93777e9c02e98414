#include "base/rising_clock.hpp"

#include "base/clock.hpp"

#include <algorithm>
#include <chrono>

namespace darkroom::base {

namespace {

std::int64_t system_steady_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

} // namespace

rising_clock::rising_clock() : rising_clock({unix_now_us, system_steady_us}) {}

rising_clock::rising_clock(sources from) : from_(std::move(from)) {
  anchor_steady_us_ = from_.steady_us();
}

std::int64_t rising_clock::now_us() {
  const std::lock_guard lock(mutex_);
  const auto steady = from_.steady_us(), wall = from_.wall_us();
  const auto risen = anchor_us_ + std::max<std::int64_t>(0, steady - anchor_steady_us_);
  anchor_us_ = std::max(risen, wall);
  anchor_steady_us_ = steady;
  return anchor_us_;
}

void rising_clock::go_on_from(std::int64_t time_us) {
  const std::lock_guard lock(mutex_);
  if (time_us <= anchor_us_) return;
  anchor_us_ = time_us;
  anchor_steady_us_ = from_.steady_us();
}

} // namespace darkroom::base
