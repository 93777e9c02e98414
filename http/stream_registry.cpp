#include "http/stream_registry.hpp"

#include "base/result.hpp"
#include "http/event_stream.hpp"

#include <algorithm>

namespace darkroom::http {

std::shared_ptr<const void> stream_registry::hold(std::vector<std::string> names) {
  for (const auto& name : names)
    counts_[name] += 1;
  return {this, [this, names = std::move(names)](const void*) {
            const std::lock_guard lock(mutex_);
            for (const auto& name : names)
              if (--counts_[name] == 0) counts_.erase(name);
          }};
}

std::uint64_t stream_registry::count(const std::string& name) const {
  const auto at = counts_.find(name);
  return at == counts_.end() ? 0 : at->second;
}

base::result<stream_registry::place, stream_registry::full>
stream_registry::enter(const std::string& address, const std::string& user) {
  const auto by_address = "a " + client_network(address), by_user = "u " + user;
  const std::lock_guard lock(mutex_);
  if (count(by_address) >= allowed_.streams_per_ip_max) return std::unexpected(full::address);
  if (count(by_user) >= allowed_.streams_per_user_max) return std::unexpected(full::user);
  return place(hold({by_address, by_user}));
}

base::result<stream_registry::place, stream_registry::full>
stream_registry::follow(const std::string& user, const domain::batch_id& batch) {
  const auto name = "b " + domain::to_string(batch) + ' ' + user;
  const std::lock_guard lock(mutex_);
  if (count(name) >= allowed_.streams_per_batch_max) return std::unexpected(full::batch);
  return place(hold({name}));
}

void stream_registry::add(const std::shared_ptr<event_stream>& one) {
  const std::lock_guard lock(mutex_);
  if (streams_.size() >= forget_at_) {
    std::erase_if(streams_, [](const auto& weak) { return weak.expired(); });
    forget_at_ = std::max<std::size_t>(64, 2 * streams_.size());
  }
  streams_.push_back(one);
}

std::vector<std::shared_ptr<event_stream>> stream_registry::open() {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<event_stream>> all;
  for (const auto& weak : streams_)
    if (auto one = weak.lock()) all.push_back(std::move(one));
  return all;
}

void stream_registry::end_of_token(const std::string& token) {
  for (const auto& one : open())
    if (one->who().token == token) one->end(stream_ending::token_ended);
}

void stream_registry::end_all() {
  for (const auto& one : open())
    one->end(stream_ending::shutdown);
}

problem full_problem(stream_registry::full what, const config::feed_settings& allowed) {
  using enum stream_registry::full;
  const auto most = what == address ? allowed.streams_per_ip_max
                    : what == user  ? allowed.streams_per_user_max
                                    : allowed.streams_per_batch_max;
  const std::string whose = what == address ? "one address"
                            : what == user  ? "one user"
                                            : "one user and batch";
  problem p{problem_code::too_many_streams,
            "At most " + std::to_string(most) + " streams for " + whose + "; close one first."};
  p.retry_after_s = 5;
  return p;
}

} // namespace darkroom::http
