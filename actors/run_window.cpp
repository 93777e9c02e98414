#include "actors/run_window.hpp"

#include "actors/limits.hpp"

#include <algorithm>

namespace darkroom::actors {

void run_window::resize(std::uint32_t files) {
  changed_ |= files != files_;
  files_ = files;
}

void run_window::set(const batch_need& need) {
  const rank position{255u - need.priority, need.batch};
  bool stuck = false;
  if (const auto known = batches_.find(need.batch); known != batches_.end()) {
    const auto of_user = users_.find(known->second.user);
    auto& u = of_user->second;
    const auto at = u.batches.find(known->second.position);
    if (known->second.user == need.user && known->second.position == position &&
        at->second.files == need.files)
      return;
    stuck = at->second.stuck;
    u.files -= at->second.files;
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
  u.batches[position] = {need.files, stuck};
  u.files += need.files;
  batches_[need.batch] = {need.user, position};
  changed_ = true;
}

void run_window::set_stuck(const domain::batch_id& batch, bool stuck) {
  const auto known = batches_.find(batch);
  if (known == batches_.end()) return;
  auto& now = users_.at(known->second.user).batches.at(known->second.position).stuck;
  changed_ |= now != stuck;
  now = stuck;
}

// Stuck batches keep a few files each, of half of the part at most; the others come next, and what
// they do not need is left to the stuck ones.
void run_window::share(const user& among, std::uint64_t files, shares_by_batch& to) {
  auto kept = files / 2;
  auto left = files;
  const auto give = [&](const domain::batch_id& batch, std::uint64_t most) {
    const auto given = std::min(most, left);
    left -= given;
    if (given != 0) to[batch] += static_cast<std::uint32_t>(given);
    return given;
  };
  for (const auto& [position, part] : among.batches)
    if (part.stuck)
      kept -= give(position.second,
                   std::min({part.files, kept, std::uint64_t{limits::window_files_stuck}}));
  for (const bool stuck : {false, true})
    for (const auto& [position, part] : among.batches) {
      if (left == 0) return;
      if (part.stuck != stuck) continue;
      const auto has = to.find(position.second);
      give(position.second, part.files - (has == to.end() ? 0 : has->second));
    }
}

// Those who need little get it; the others have equal parts of what is left.
run_window::shares_by_batch run_window::shares() const {
  std::vector<const user*> order;
  order.reserve(users_.size());
  for (const auto& [name, u] : users_)
    order.push_back(&u);
  std::ranges::stable_sort(order, {}, &user::files);
  shares_by_batch found;
  std::uint64_t left = files_;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto part = std::max<std::uint64_t>(1, left / (order.size() - i));
    const auto of_user = std::min(order[i]->files, part);
    left -= std::min(left, of_user);
    share(*order[i], of_user, found);
  }
  return found;
}

std::vector<share_change> run_window::take_changes() {
  std::vector<share_change> changes;
  if (!std::exchange(changed_, false)) return changes;
  const auto is_stuck = [&](const known_batch& known) {
    return users_.at(known.user).batches.at(known.position).stuck;
  };
  auto now = shares();
  for (const auto& [batch, files] : now)
    if (share_of(batch) != files) changes.push_back({batch, files, is_stuck(batches_.at(batch))});
  for (const auto& [batch, files] : shares_)
    if (const auto known = batches_.find(batch); known != batches_.end() && !now.contains(batch))
      changes.push_back({batch, 0, is_stuck(known->second)});
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
    for (const auto& [position, part] : u.batches) {
      if (share_of(position.second) == 0)
        found.emplace_back(position.second, before * users_.size());
      before += part.files;
    }
  }
  return found;
}

} // namespace darkroom::actors
