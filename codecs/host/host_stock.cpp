#include "codecs/host/host_stock.hpp"

#include "base/thread_name.hpp"
#include "codecs/limits.hpp"

#include <chrono>
#include <utility>

namespace darkroom::codecs::host {

host_stock::host_stock(std::size_t size, std::function<start_result()> start)
    : size_(size), start_(std::move(start)) {
  if (size_ != 0) filler_ = std::thread([this] { fill(); });
}

host_stock::~host_stock() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_one();
  if (filler_.joinable()) filler_.join();
}

host_stock::start_result host_stock::take() {
  std::vector<std::unique_ptr<codec_host>> dead; // what starts hosts has ended, and they with it
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
    changed_.notify_one();
    while (!ready_.empty()) {
      auto host = std::move(ready_.back());
      ready_.pop_back();
      if (host->alive()) return host;
      dead.push_back(std::move(host));
    }
  }
  return start_();
}

void host_stock::fill() {
  base::name_thread("host stock");
  std::unique_lock lock(mutex_);
  while (!ended_) {
    if (!wanted_ || ready_.size() >= size_) {
      changed_.wait(lock);
      continue;
    }
    lock.unlock();
    auto made = start_();
    lock.lock();
    if (made)
      ready_.push_back(std::move(*made));
    else // `take` starts one itself, and returns the error
      changed_.wait_for(lock, std::chrono::milliseconds(limits::host_stock_retry_ms),
                        [this] { return ended_; });
  }
}

} // namespace darkroom::codecs::host
