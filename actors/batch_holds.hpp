// Batches that somebody is reading out: should one be deleted meanwhile, it is cleared away after.
#pragma once

#include "domain/ids.hpp"

#include <map>
#include <memory>
#include <mutex>

namespace darkroom::actors {

class batch_holds : public std::enable_shared_from_this<batch_holds> {
public:
  // Holds the batch for as long as what is returned lives.
  std::shared_ptr<const void> hold(const domain::batch_id& batch) {
    const std::lock_guard lock(mutex_);
    counts_[batch] += 1;
    const auto self = shared_from_this();
    return {self.get(), [self, batch](const void*) { self->release(batch); }};
  }
  bool held(const domain::batch_id& batch) const {
    const std::lock_guard lock(mutex_);
    return counts_.contains(batch);
  }

private:
  void release(const domain::batch_id& batch) {
    const std::lock_guard lock(mutex_);
    if (--counts_[batch] == 0) counts_.erase(batch);
  }

  mutable std::mutex mutex_;
  std::map<domain::batch_id, std::size_t> counts_;
};

} // namespace darkroom::actors
