// A wall clock that never goes back: for times and ids that are stored in order.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>

namespace darkroom::base {

// Follows the wall clock forwards. When that is set back, it goes on at the speed of the steady
// clock from where it was, until the wall clock has caught up. Thread-safe.
class rising_clock {
public:
  // Both in microseconds; the steady one from anywhere, never back.
  struct sources {
    std::function<std::int64_t()> wall_us, steady_us;
  };
  rising_clock(); // the system's
  explicit rising_clock(sources from);

  // Microseconds since the Unix epoch, never less than before.
  std::int64_t now_us();
  // Later times are not before this one, which an earlier process has stored.
  void go_on_from(std::int64_t time_us);

private:
  sources from_;
  std::mutex mutex_;
  std::int64_t anchor_us_ = 0;        // of this clock
  std::int64_t anchor_steady_us_ = 0; // the steady clock at that time
};

} // namespace darkroom::base
