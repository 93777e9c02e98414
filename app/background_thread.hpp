// A thread that does something now and then until it is told to end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace darkroom::app {

class background_thread {
public:
  // `run` gets a wait that returns false when the thread is to end, which may be at once.
  using wait = std::function<bool(std::chrono::milliseconds)>;
  explicit background_thread(std::function<void(const wait&)> run)
      : thread_([this, run = std::move(run)] {
          run([this](std::chrono::milliseconds time) {
            std::unique_lock lock(mutex_);
            return !ended_.wait_for(lock, time, [this] { return ending_; });
          });
        }) {}
  ~background_thread() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    ended_.notify_one();
    thread_.join();
  }
  background_thread(const background_thread&) = delete;
  background_thread& operator=(const background_thread&) = delete;

private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  std::thread thread_; // last: it uses the others
};

} // namespace darkroom::app
