#include "actors/run_window.hpp"

#include <algorithm>

namespace darkroom::actors {

void run_window::resize(std::uint32_t files) {
  changed_ |= files != files_;
  files_ = files;
}

void run_window::set(const batch_need& need) {
  const rank position{255u - need.priority, need.batch};
  if (const auto known = batches_.find(need.batch); known != batches_.end()) {
    const auto of_user = users_.find(known->second.user);
    auto& u = of_user->second;
    const auto at = u.batches.find(known->second.position);
    if (known->second.user == need.user && known->second.position == position &&
        at->second == need.files)
      return;
    u.files -= at->second;
    u.batches.erase(at);
    if (u.batches.empty()) users_.erase(of_user);
    batches_.erase(known);
    changed_ = true;
  }
  if (need.files == 0) {
    shares_.erase(need.batch); // should it come back, that is news
    return;
  }
  auto& u = users_[need.user];
  u.batches[position] = need.files;
  u.files += need.files;
  batches_[need.batch] = {need.user, position};
  changed_ = true;
}

// Those who need little get it; the others have equal parts of what is left.
std::map<domain::batch_id, std::uint32_t> run_window::shares() const {
  std::vector<const user*> order;
  order.reserve(users_.size());
  for (const auto& [name, u] : users_)
    order.push_back(&u);
  std::ranges::stable_sort(order, {}, &user::files);
  std::map<domain::batch_id, std::uint32_t> found;
  std::uint64_t left = files_;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto part = std::max<std::uint64_t>(1, left / (order.size() - i));
    auto of_user = std::min(order[i]->files, part);
    left -= std::min(left, of_user);
    for (const auto& [position, files] : order[i]->batches) {
      if (of_user == 0) break;
      const auto of_batch = std::min(files, of_user);
      found[position.second] = static_cast<std::uint32_t>(of_batch);
      of_user -= of_batch;
    }
  }
  return found;
}

std::vector<share_change> run_window::take_changes() {
  std::vector<share_change> changes;
  if (!std::exchange(changed_, false)) return changes;
  auto now = shares();
  for (const auto& [batch, files] : now)
    if (share_of(batch) != files) changes.push_back({batch, files});
  for (const auto& [batch, files] : shares_)
    if (!now.contains(batch) && batches_.contains(batch)) changes.push_back({batch, 0});
  shares_ = std::move(now);
  return changes;
}

std::uint32_t run_window::share_of(const domain::batch_id& batch) const {
  const auto at = shares_.find(batch);
  return at == shares_.end() ? 0 : at->second;
}

bool run_window::waits(const domain::batch_id& batch) const {
  return batches_.contains(batch) && share_of(batch) == 0;
}

std::vector<std::pair<domain::batch_id, std::uint64_t>> run_window::waiting() const {
  std::vector<std::pair<domain::batch_id, std::uint64_t>> found;
  for (const auto& [name, u] : users_) {
    std::uint64_t before = 0;
    for (const auto& [position, files] : u.batches) {
      if (share_of(position.second) == 0)
        found.emplace_back(position.second, before * users_.size());
      before += files;
    }
  }
  return found;
}

} // namespace darkroom::actors
