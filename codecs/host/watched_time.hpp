// How long somebody has watched: time in which the watcher itself did not run does not count. A
// container that is paused, a machine that sleeps and a frozen process tree are nobody's fault.
#pragma once

#include <algorithm>
#include <chrono>

namespace darkroom::codecs::host {

class watched_time {
public:
  using clock = std::chrono::steady_clock;
  // Of the time between two looks, at most `gap` counts.
  explicit watched_time(clock::duration gap, clock::time_point now = clock::now())
      : gap_(gap), last_(now) {}

  // Call at each look.
  clock::duration passed(clock::time_point now) {
    passed_ += std::min(now - last_, gap_);
    last_ = now;
    return passed_;
  }

private:
  clock::duration gap_, passed_{};
  clock::time_point last_;
};

} // namespace darkroom::codecs::host
