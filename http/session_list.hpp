// All open connections, and how many each address has.
#pragma once

#include "config/settings.hpp"
#include "http/session.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace darkroom::http {

// Thread-safe. Outlives its places.
class session_list {
public:
  // One connection's share of the limits, for as long as it is open.
  class place {
  public:
    place() = default;
    place(place&& other) noexcept
        : list_(std::exchange(other.list_, nullptr)), address_(std::move(other.address_)) {}
    place& operator=(place&& other) noexcept {
      std::swap(list_, other.list_);
      std::swap(address_, other.address_);
      return *this;
    }
    ~place() {
      if (list_ != nullptr) list_->leave(address_);
    }

  private:
    friend class session_list;
    place(session_list& list, std::string address) : list_(&list), address_(std::move(address)) {}
    session_list* list_ = nullptr;
    std::string address_;
  };

  // Nothing when a limit is reached.
  std::optional<place> admit(const std::string& address, const config::http_settings& limits) {
    const std::lock_guard lock(mutex_);
    if (total_ >= limits.connections_max) return std::nullopt;
    auto& own = by_address_[address];
    if (own >= limits.connections_per_ip_max) return std::nullopt;
    own += 1;
    total_ += 1;
    return place(*this, address);
  }
  void add(const std::shared_ptr<session>& one) {
    const std::lock_guard lock(mutex_);
    open_.insert(one);
  }
  void remove(const std::shared_ptr<session>& one) {
    const std::lock_guard lock(mutex_);
    open_.erase(one);
    changed_.notify_all();
  }
  std::vector<std::shared_ptr<session>> all() const {
    const std::lock_guard lock(mutex_);
    return {open_.begin(), open_.end()};
  }
  bool wait_until_empty(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, most, [this] { return open_.empty(); });
  }

private:
  void leave(const std::string& address) {
    const std::lock_guard lock(mutex_);
    total_ -= 1;
    if (--by_address_[address] == 0) by_address_.erase(address);
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_set<std::shared_ptr<session>> open_;
  std::map<std::string, std::uint64_t> by_address_;
  std::uint64_t total_ = 0;
};

} // namespace darkroom::http
