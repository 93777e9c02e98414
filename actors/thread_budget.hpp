// Bounds the number of threads of one kind that many actors spawn.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace darkroom::actors {

class thread_budget {
public:
  explicit thread_budget(std::size_t most) : most_(most) {}

  // Held by what runs in the thread, until its end; null: none is left. Thread-safe.
  using place = std::shared_ptr<const void>;
  place take() {
    if (taken_->fetch_add(1) >= most_) {
      taken_->fetch_sub(1);
      return nullptr;
    }
    return {this, [taken = taken_](const void*) { taken->fetch_sub(1); }};
  }

private:
  std::size_t most_;
  std::shared_ptr<std::atomic<std::size_t>> taken_ = std::make_shared<std::atomic<std::size_t>>(0);
};

} // namespace darkroom::actors
