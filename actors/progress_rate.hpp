// How fast a batch goes, from what has completed in the last seconds. Pure: time is told to it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace darkroom::actors {

class progress_rate {
public:
  struct amount {
    std::uint64_t files = 0, pixels = 0, bytes = 0;
  };

  // The work begins (again): what was before tells nothing.
  void restart(std::int64_t now_us) {
    older_ = newer_ = {};
    older_since_us_ = newer_since_us_ = now_us;
  }
  void add(std::int64_t now_us, const amount& done) {
    turn(now_us);
    newer_.files += done.files;
    newer_.pixels += done.pixels;
    newer_.bytes += done.bytes;
  }
  struct per_second {
    double files = 0, pixels = 0, bytes = 0;
  };
  per_second read(std::int64_t now_us) {
    turn(now_us);
    const double seconds = static_cast<double>(now_us - older_since_us_) / 1e6;
    if (seconds < 0.05) return {};
    return {static_cast<double>(older_.files + newer_.files) / seconds,
            static_cast<double>(older_.pixels + newer_.pixels) / seconds,
            static_cast<double>(older_.bytes + newer_.bytes) / seconds};
  }

private:
  static constexpr std::int64_t bucket_us = 10'000'000;
  void turn(std::int64_t now_us) {
    if (now_us - newer_since_us_ < bucket_us) return;
    older_ = newer_;
    older_since_us_ = std::max(newer_since_us_, now_us - 2 * bucket_us);
    newer_ = {};
    newer_since_us_ = now_us;
  }
  amount older_, newer_;
  std::int64_t older_since_us_ = 0, newer_since_us_ = 0;
};

} // namespace darkroom::actors
