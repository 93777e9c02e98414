// Numbers about the actors' work, for metrics: written by the actors, read from any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace darkroom::actors {

// Durations in buckets, as Prometheus wants them.
class duration_histogram {
public:
  // Upper bounds in microseconds; the last bucket has none.
  static constexpr std::array<std::uint64_t, 12> bounds_us{
      100,     500,     1'000,     5'000,     10'000,     50'000,
      100'000, 500'000, 1'000'000, 5'000'000, 15'000'000, 60'000'000};

  void add(std::uint64_t us) {
    std::size_t i = 0;
    while (i < bounds_us.size() && us > bounds_us[i])
      ++i;
    buckets_[i].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(us, std::memory_order_relaxed);
  }
  void add(std::chrono::steady_clock::duration took) {
    add(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  }
  std::uint64_t in_bucket(std::size_t i) const {
    return buckets_[i].load(std::memory_order_relaxed);
  }
  std::uint64_t sum_us() const { return sum_us_.load(std::memory_order_relaxed); }

private:
  std::array<std::atomic<std::uint64_t>, bounds_us.size() + 1> buckets_{};
  std::atomic<std::uint64_t> sum_us_ = 0;
};

struct vitals {
  duration_histogram probe, queue_wait, convert, store; // of one file
  duration_histogram journal_append, journal_sync;      // of one group
  std::atomic<std::uint64_t> journal_events = 0;
  std::atomic<std::uint64_t> witness_failures = 0; // of the open journal
  std::atomic<std::uint64_t> files_completed = 0, files_failed = 0, files_interrupted = 0;
  std::atomic<std::uint64_t> slots = 0, leases_granted = 0, leases_waiting = 0;
  std::atomic<std::uint64_t> memory_bytes = 0, memory_granted_bytes = 0;
  std::atomic<bool> journal_usable = false;
  // COORDINATOR has read them from the journal: before, requests are answered as in doubt.
  std::atomic<bool> batches_loaded = false;
};

} // namespace darkroom::actors
