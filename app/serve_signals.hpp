// The signals that a server obeys, from its first step to its last.
#pragma once

#include "app/process_setup.hpp"
#include "base/unique_fd.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace darkroom::app {

// Receives them in a thread of its own, which nothing else can stop: a shutdown that takes longer
// than `limits::shutdown_ms`, or `limits::shutdown_hurry_ms` after a second signal, ends the
// process there and then, also while it is still starting. What was acknowledged is on disk.
class serve_signals {
public:
  // Before there is another thread: those inherit that the signals are blocked.
  explicit serve_signals(hangup meaning);
  ~serve_signals();
  serve_signals(const serve_signals&) = delete;
  serve_signals& operator=(const serve_signals&) = delete;

  enum class wish : std::uint8_t { end, reload };
  // Waits for one. Several wishes to reload count as one; the end goes first, and stays.
  wish wait();
  bool ending() const { return ending_; }
  // A second signal has come: nothing is waited for.
  bool hurry() const { return hurry_; }

private:
  void run();
  void obey(int number);

  hangup meaning_;
  base::unique_fd signals_, over_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> ending_ = false, hurry_ = false;
  bool reload_ = false;
  std::chrono::steady_clock::time_point deadline_; // of the shutdown, in the thread alone
  std::thread thread_;
};

} // namespace darkroom::app
