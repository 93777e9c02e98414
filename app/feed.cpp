#include "app/feed.hpp"

#include "persistence/read_view.hpp"

namespace darkroom::app {

feed::feed(actors::orchestra& from, const domain::batch_id& batch, domain::seq after)
    : from_(from), batch_(batch), last_(after) {
  follow();
}

// Subscribes first, then reads from the journal what came before the subscription: whatever happens
// meanwhile is in one of the two, and what is in both is dropped by its seq.
void feed::follow() {
  box_ = std::make_shared<box>();
  const auto seq = from_.follow(
      batch_,
      [to = box_](const std::vector<persistence::journaled_event>& events) {
        const std::lock_guard lock(to->mutex);
        to->events.insert(to->events.end(), events.begin(), events.end());
        to->filled.notify_one();
      },
      [to = box_] {
        const std::lock_guard lock(to->mutex);
        to->cut = true;
        to->filled.notify_one();
      });
  behind_ = false;
  if (seq <= last_) return;
  const auto view = from_.view();
  if (!view) { // the journal is being opened again
    behind_ = true;
    return;
  }
  std::deque<persistence::journaled_event> missed;
  const auto read = view->each_event(batch_, last_, [&](persistence::journaled_event&& e) {
    if (e.seq > seq) return false;
    missed.push_back(std::move(e));
    return true;
  });
  // What was read is good; the rest is read again, or the end of the batch might never be seen.
  if (!read) behind_ = true;
  const std::lock_guard lock(box_->mutex);
  box_->events.insert(box_->events.begin(), missed.begin(), missed.end());
}

std::vector<persistence::journaled_event> feed::wait(std::chrono::milliseconds most) {
  std::vector<persistence::journaled_event> fresh;
  {
    std::unique_lock lock(box_->mutex);
    box_->filled.wait_for(lock, most, [&] { return !box_->events.empty() || box_->cut; });
    for (auto& e : box_->events) {
      if (e.seq <= last_) continue;
      behind_ = behind_ || e.prev != last_; // the chain shows what is missing
      if (behind_) break;
      last_ = e.seq;
      fresh.push_back(std::move(e));
    }
    box_->events.clear();
    behind_ = behind_ || box_->cut;
  }
  if (behind_) follow();
  return fresh;
}

} // namespace darkroom::app
