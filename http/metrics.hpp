// Numbers for Prometheus, in its text format (version 0.0.4).
#pragma once

#include "actors/vitals.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace darkroom::http {

struct services;

// What the edge counts itself.
class edge_metrics {
public:
  // One request was answered. `route`: its pattern, of which there are few.
  void answered(const std::string& route, unsigned status,
                std::chrono::steady_clock::duration took);

  // Events were sent to somebody, so long after they were on disk.
  void event_sent(std::chrono::steady_clock::duration after) { delivery_.add(after); }

  std::atomic<std::uint64_t> connections = 0, connections_refused = 0;
  std::atomic<std::uint64_t> bytes_received = 0, bytes_sent = 0, bytes_dropped = 0;

private:
  friend std::string metrics_text(const services&);
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, unsigned>, std::uint64_t> requests_; // by route and status
  actors::duration_histogram latency_, delivery_;
};

std::string metrics_text(const services& s);

} // namespace darkroom::http
