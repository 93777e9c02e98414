// The journal's view for readers in other threads, while the journal can be used.
#pragma once

#include <memory>
#include <mutex>
#include <string>

namespace darkroom::persistence {
class read_view;
}

namespace darkroom::actors {

class view_slot {
public:
  void set(std::shared_ptr<const persistence::read_view> view) {
    const std::lock_guard lock(mutex_);
    view_ = std::move(view);
    if (view_) fault_.clear();
  }
  // The journal cannot be used, for a reason that operators are told.
  void take_away(std::string fault) {
    const std::lock_guard lock(mutex_);
    view_.reset();
    fault_ = std::move(fault);
  }
  std::string fault() const {
    const std::lock_guard lock(mutex_);
    return fault_;
  }
  // Null while the journal cannot be used. Not to be kept: it holds the journal open.
  std::shared_ptr<const persistence::read_view> get() const {
    const std::lock_guard lock(mutex_);
    return view_;
  }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const persistence::read_view> view_;
  std::string fault_; // a sentence; empty: none is known
};

} // namespace darkroom::actors
