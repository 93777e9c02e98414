// The events of one batch for a thread that waits for them: every event once, in order, whole.
#pragma once

#include "actors/orchestra.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

namespace darkroom::app {

class feed {
public:
  // Follows from the event after `after` on.
  feed(actors::orchestra& from, const domain::batch_id& batch, domain::seq after);

  // What has come, after waiting for it at most so long; may be empty.
  std::vector<persistence::journaled_event> wait(std::chrono::milliseconds most);

private:
  struct box {
    std::mutex mutex;
    std::condition_variable filled;
    std::deque<persistence::journaled_event> events;
    bool cut = false;
  };
  void follow();

  actors::orchestra& from_;
  domain::batch_id batch_;
  domain::seq last_;
  bool behind_ = false;      // something is missing: follow again
  std::shared_ptr<box> box_; // shared with the callbacks, which may outlive this
};

} // namespace darkroom::app
