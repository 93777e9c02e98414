#include "actors/cost_forecast.hpp"

#include "actors/limits.hpp"

#include <algorithm>
#include <cmath>

namespace darkroom::actors {

void cost_forecast::pause(std::int64_t now_us) {
  advance(now_us);
  clock_runs_ = false;
  waits_for_start_ = false;
}

void cost_forecast::forget_costs() {
  for (auto& [index, file] : open_)
    file.cost.reset();
  read_cost_ = read_bytes_ = 0;
  slot_us_ = slot_cost_ = 0;
  slot_files_ = 0;
  ended_cost_ = seen_cost_ = 0;
  work_cost_ = work_us_ = 0;
  any_ended_ = false;
}

void cost_forecast::forget_files() {
  open_.clear();
  clock_runs_ = false;
}

void cost_forecast::fetch(domain::file_index index, std::uint64_t bytes) {
  open_[index].bytes = bytes;
}

void cost_forecast::predict(domain::file_index index, std::uint64_t cost) {
  const auto file = open_.find(index);
  if (file == open_.end()) return;
  if (!file->second.cost) {
    read_cost_ += static_cast<double>(cost);
    read_bytes_ += static_cast<double>(file->second.bytes);
  }
  file->second.cost = static_cast<double>(cost);
}

void cost_forecast::start(domain::file_index index, std::int64_t now_us) {
  if (waits_for_start_) {
    waits_for_start_ = false;
    clock_runs_ = true;
    seen_cost_ = ended_cost_;
    for (const auto& [i, file] : open_)
      seen_cost_ += worked_off(file, now_us);
    seen_us_ = now_us;
  }
  if (const auto file = open_.find(index); file != open_.end()) file->second.since = now_us;
}

void cost_forecast::give_back(domain::file_index index, std::int64_t now_us) {
  if (const auto file = open_.find(index); file != open_.end()) file->second.since.reset();
  advance(now_us);
}

void cost_forecast::complete(domain::file_index index, std::int64_t now_us) {
  const auto known = open_.find(index);
  if (known == open_.end()) return;
  const auto& file = known->second;
  if (file.cost && file.since) {
    if (++slot_files_ > limits::forecast_files) {
      slot_us_ /= 2;
      slot_cost_ /= 2;
      slot_files_ /= 2;
    }
    slot_us_ += static_cast<double>(now_us - *file.since);
    slot_cost_ += *file.cost;
  }
  end(index, now_us);
}

void cost_forecast::fail(domain::file_index index, std::int64_t now_us) {
  const auto known = open_.find(index);
  if (known == open_.end()) return;
  failed_bytes_[index] = known->second.bytes;
  // A header that cannot be read costs next to nothing: so may those of other files.
  if (!known->second.cost) read_bytes_ += static_cast<double>(known->second.bytes);
  end(index, now_us);
}

void cost_forecast::end(domain::file_index index, std::int64_t now_us) {
  const auto file = open_.extract(index);
  ended_cost_ += file.mapped().cost.value_or(0);
  any_ended_ = true;
  advance(now_us);
}

// What a running file has done of its cost, as long as others took for theirs. Its end may be late.
double cost_forecast::worked_off(const open_file& file, std::int64_t now_us) const {
  if (!file.since || !file.cost || slot_us_ <= 0) return 0;
  const double cost = static_cast<double>(now_us - *file.since) * slot_cost_ / slot_us_;
  return std::clamp(cost, 0.0, *file.cost * limits::forecast_running_part_max);
}

// Notes what was worked off since the last time.
void cost_forecast::advance(std::int64_t now_us) {
  if (!clock_runs_) return;
  double cost = ended_cost_;
  for (const auto& [index, file] : open_)
    cost += worked_off(file, now_us);
  constexpr double memory_us = limits::forecast_memory_ms * 1e3;
  const double passed_us = std::max(0.0, static_cast<double>(now_us - seen_us_));
  const double left = std::exp(-passed_us / memory_us);
  // The time that passed has begun to fade too; so has the work that was done in it.
  const double counted_us = memory_us * (1 - left);
  const double share = passed_us > 0 ? counted_us / passed_us : 1;
  work_cost_ = work_cost_ * left + (cost - seen_cost_) * share;
  work_us_ = work_us_ * left + counted_us;
  seen_cost_ = cost;
  seen_us_ = now_us;
}

std::optional<double> cost_forecast::remaining_cost(const domain::batch_state& batch,
                                                    std::int64_t now_us) const {
  double cost = 0;
  double other_bytes = static_cast<double>(batch.bytes_added) - static_cast<double>(batch.bytes_in);
  double unread_bytes = 0;
  for (const auto& [index, file] : open_) {
    other_bytes -= static_cast<double>(file.bytes);
    if (file.cost)
      cost += *file.cost - worked_off(file, now_us);
    else
      unread_bytes += static_cast<double>(file.bytes);
  }
  for (const auto& [index, bytes] : failed_bytes_)
    other_bytes -= static_cast<double>(bytes);
  // Of the other files some may have failed in an earlier life of the process: those are as large
  // as the rest, as far as is known.
  const auto known = static_cast<double>(open_.size());
  const double open = std::max(0.0, batch.open() - known);
  const double others = batch.total() - batch.count(domain::file_status::completed) - known -
                        static_cast<double>(failed_bytes_.size());
  if (open > 0 && others > 0) unread_bytes += std::max(0.0, other_bytes) * open / others;
  if (unread_bytes > 0) {
    if (read_bytes_ <= 0) return std::nullopt;
    cost += unread_bytes * read_cost_ / read_bytes_;
  }
  return cost;
}

std::optional<std::uint64_t> cost_forecast::time_left_ms(const domain::batch_state& batch,
                                                         std::int64_t now_us) {
  advance(now_us);
  if (!any_ended_ || work_us_ < limits::forecast_time_min_ms * 1e3 || work_cost_ <= 0 ||
      batch.open() == 0)
    return std::nullopt;
  const auto cost = remaining_cost(batch, now_us);
  if (!cost) return std::nullopt;
  return static_cast<std::uint64_t>(*cost / work_cost_ * work_us_ / 1e3);
}

} // namespace darkroom::actors
