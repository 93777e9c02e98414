// A thread that does something now and then until it is told to end.
#pragma once

#include "base/thread_name.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace darkroom::app {

class background_thread {
public:
  // `role`: what the thread is called. `run` gets a wait that returns false when the thread is to
  // end, which may be at once.
  using wait = std::function<bool(std::chrono::milliseconds)>;
  background_thread(std::string role, std::function<void(const wait&)> run)
      : thread_([this, role = std::move(role), run = std::move(run)] {
          base::name_thread(role);
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
