#include "http/eviction_list.hpp"

#include <algorithm>

namespace darkroom::http {

eviction_list::eviction_list(std::size_t most, std::size_t most_per_address)
    : most_(std::max<std::size_t>(1, most)),
      most_per_address_(std::max<std::size_t>(1, most_per_address)) {}

eviction_list::place eviction_list::enter(const std::string& address, std::function<void()> evict) {
  std::function<void()> evicted;
  auto& state = *shared_;
  std::unique_lock lock(state.mutex);
  const auto same_address = [&](const auto& e) { return e.second.address == address; };
  const auto of_address =
      static_cast<std::size_t>(std::ranges::count_if(state.entries, same_address));
  auto oldest = state.entries.end();
  if (of_address >= most_per_address_)
    oldest = std::ranges::find_if(state.entries, same_address);
  else if (state.entries.size() >= most_)
    oldest = state.entries.begin();
  if (oldest != state.entries.end()) {
    evicted = std::move(oldest->second.evict);
    state.entries.erase(oldest);
  }
  const auto number = state.next++;
  state.entries.emplace(number, place::entry{address, std::move(evict)});
  lock.unlock();
  if (evicted) evicted();
  return {shared_, number};
}

eviction_list::place::~place() {
  if (!shared_) return;
  const std::lock_guard lock(shared_->mutex);
  shared_->entries.erase(number_);
}

} // namespace darkroom::http
