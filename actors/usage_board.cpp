#include "actors/usage_board.hpp"

namespace darkroom::actors {

batch_share share_of(const persistence::batch_summary& batch) {
  return {batch.owner,        batch.phase,
          batch.counts,       domain::is_terminal(batch.phase) ? 0u : 1u,
          batch.open_files(), batch.bytes_added + batch.bytes_out,
          batch.sealed};
}

void usage_board::add(const batch_share& s, std::uint64_t times) {
  auto& owner = owners_[s.owner];
  owner.batches += times;
  owner.live_batches += times * s.live;
  owner.queued_files += times * s.queued_files;
  owner.stored_bytes += times * s.stored_bytes;
  if (owner.batches == 0) owners_.erase(s.owner);
  totals_.batches[static_cast<std::size_t>(s.phase)] += times;
  for (std::size_t i = 0; i < s.counts.size(); ++i)
    totals_.files[i] += times * s.counts[i];
}

void usage_board::set(const persistence::batch_summary& batch) {
  const std::lock_guard lock(mutex_);
  put(batch.id, share_of(batch));
}

void usage_board::put(const domain::batch_id& batch, batch_share now) {
  const bool gone = now.phase == domain::batch_phase::deleted;
  const auto at = shares_.find(batch);
  if (!gone) add(now, 1); // first, so that an owner with one batch does not go and come back
  if (at != shares_.end()) add(at->second, ~std::uint64_t{0});
  if (gone)
    shares_.erase(batch);
  else
    shares_[batch] = std::move(now);
}

void usage_board::replace(const std::vector<std::pair<domain::batch_id, batch_share>>& batches) {
  const std::lock_guard lock(mutex_);
  shares_.clear();
  owners_.clear();
  totals_ = {};
  for (const auto& [batch, share] : batches)
    put(batch, share);
}

std::optional<usage_board::batch_facts> usage_board::find(const domain::batch_id& batch) const {
  const std::lock_guard lock(mutex_);
  const auto at = shares_.find(batch);
  if (at == shares_.end()) return std::nullopt;
  const auto& s = at->second;
  std::uint64_t files = 0;
  for (const auto count : s.counts)
    files += count;
  return batch_facts{s.owner, s.phase, s.sealed, s.queued_files, files};
}

owner_usage usage_board::of(const std::string& owner) const {
  const std::lock_guard lock(mutex_);
  const auto at = owners_.find(owner);
  return at == owners_.end() ? owner_usage{} : at->second;
}

std::map<std::string, owner_usage> usage_board::all() const {
  const std::lock_guard lock(mutex_);
  return owners_;
}

board_totals usage_board::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

persistence::day_use usage_board::today(const std::string& owner, std::int64_t now_us) const {
  const std::lock_guard lock(mutex_);
  const auto day = persistence::utc_day(now_us);
  const auto at = days_.find(owner);
  // A clock that was set back does not give the day anew.
  if (at != days_.end() && at->second.use.day >= day) return at->second.use;
  return {owner, day, 0, 0};
}

persistence::day_use usage_board::add_work(const std::string& owner, std::int64_t now_us,
                                           std::uint64_t pixels, std::uint64_t slot_us) {
  auto use = today(owner, now_us);
  const std::lock_guard lock(mutex_);
  auto& kept = days_.try_emplace(owner, counted_day{use}).first->second;
  if (kept.use.day < use.day) kept = {std::move(use)};
  kept.use.pixels += pixels;
  kept.rest_us += slot_us;
  kept.use.cpu_ms += kept.rest_us / 1'000;
  kept.rest_us %= 1'000;
  return kept.use;
}

void usage_board::restore(persistence::day_use known) {
  const std::lock_guard lock(mutex_);
  auto owner = known.owner;
  days_.insert_or_assign(std::move(owner), counted_day{std::move(known)});
}

void usage_board::limit(std::function<owner_limits(const std::string&)> of_owner) {
  const std::lock_guard lock(limits_mutex_);
  limits_of_ = std::move(of_owner);
}

owner_limits usage_board::limits_of(const std::string& owner) const {
  const std::lock_guard lock(limits_mutex_);
  return limits_of_ ? limits_of_(owner) : owner_limits{};
}

bool usage_board::day_used_up(const std::string& owner, std::int64_t now_us) const {
  const auto most = limits_of(owner);
  const auto used = today(owner, now_us);
  return (most.pixels_per_day != 0 && used.pixels >= most.pixels_per_day) ||
         (most.cpu_ms_per_day != 0 && used.cpu_ms >= most.cpu_ms_per_day);
}

} // namespace darkroom::actors
