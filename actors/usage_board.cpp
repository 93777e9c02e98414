#include "actors/usage_board.hpp"

namespace darkroom::actors {

void usage_board::add(const share& s, std::uint64_t times) {
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
  put(batch);
}

void usage_board::put(const persistence::batch_summary& batch) {
  const bool gone = batch.phase == domain::batch_phase::deleted;
  share now{batch.owner,        batch.phase,
            batch.counts,       domain::is_terminal(batch.phase) ? 0u : 1u,
            batch.open_files(), batch.bytes_added + batch.bytes_out,
            batch.sealed};
  const auto at = shares_.find(batch.id);
  if (!gone) add(now, 1); // first, so that an owner with one batch does not go and come back
  if (at != shares_.end()) add(at->second, ~std::uint64_t{0});
  if (gone)
    shares_.erase(batch.id);
  else
    shares_[batch.id] = std::move(now);
}

void usage_board::replace(const std::vector<const persistence::batch_summary*>& batches) {
  const std::lock_guard lock(mutex_);
  shares_.clear();
  owners_.clear();
  totals_ = {};
  for (const auto* batch : batches)
    put(*batch);
}

std::optional<usage_board::batch_facts> usage_board::find(const domain::batch_id& batch) const {
  const std::lock_guard lock(mutex_);
  const auto at = shares_.find(batch);
  if (at == shares_.end()) return std::nullopt;
  const auto& s = at->second;
  return batch_facts{s.owner, s.phase, s.sealed, s.queued_files};
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

} // namespace darkroom::actors
