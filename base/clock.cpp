#include "base/clock.hpp"

#include <chrono>

namespace darkroom::base {

std::int64_t unix_now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

} // namespace darkroom::base
