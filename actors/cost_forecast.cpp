#include "actors/cost_forecast.hpp"

#include "actors/limits.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace darkroom::actors {

void cost_forecast::pause(std::int64_t now_us) {
  advance(now_us);
  clock_runs_ = false;
  waits_for_start_ = false;
}

void cost_forecast::forget_costs() {
  for (auto& [index, file] : open_)
    file.read = false;
  read_cost_.clear();
  read_bytes_ = read_files_ = 0;
  slot_us_ = slot_cost_ = 0;
  slot_files_ = 0;
  for (auto* cost : {&ended_cost_, &seen_cost_, &work_cost_})
    cost->clear();
  ended_files_ = seen_files_ = work_files_ = work_us_ = 0;
  attempts_ = lost_attempts_ = 0;
}

void cost_forecast::forget_files() {
  open_.clear();
  clock_runs_ = false;
}

std::size_t cost_forecast::number_of(const std::string& kind) {
  if (const auto known = kinds_.find(kind); known != kinds_.end()) return known->second;
  const bool full = kinds_.size() + 1 >= limits::forecast_kinds_max;
  const auto [at, is_new] = kinds_.try_emplace(full ? "other" : kind, kinds_.size());
  if (is_new) {
    ratios_.push_back(ratio_of_ ? ratio_of_(at->first) : learnt_ratio{});
    values_.push_back(ratios_.back().value);
  }
  return at->second;
}

void cost_forecast::read_ratios() {
  if (!ratio_of_) return;
  for (const auto& [kind, number] : kinds_) {
    ratios_[number] = ratio_of_(kind);
    values_[number] = ratios_[number].value;
  }
}

double cost_forecast::corrected(std::size_t kind, double cost) const {
  return cost * values_[kind];
}

void cost_forecast::fetch(domain::file_index index, std::uint64_t bytes) {
  open_[index].bytes = bytes;
}

void cost_forecast::predict(domain::file_index index, cost_prediction predicted) {
  const auto known = open_.find(index);
  if (known == open_.end()) return;
  auto& file = known->second;
  const auto kind = number_of(predicted.kind);
  if (!file.read) {
    read_cost_.add(kind, predicted.us);
    read_bytes_ += static_cast<double>(file.bytes);
    read_files_ += 1;
  }
  file.read = true;
  file.kind = kind;
  file.cost = predicted.us;
  file.bytes_out = predicted.bytes_out;
}

std::optional<cost_prediction> cost_forecast::prediction_of(domain::file_index index) const {
  const auto file = open_.find(index);
  if (file == open_.end() || !file->second.read) return std::nullopt;
  for (const auto& [kind, number] : kinds_)
    if (number == file->second.kind)
      return cost_prediction{kind, file->second.cost, file->second.bytes_out};
  return std::nullopt;
}

void cost_forecast::start(domain::file_index index, std::int64_t now_us) {
  if (waits_for_start_) {
    waits_for_start_ = false;
    clock_runs_ = true;
    seen_cost_ = worked_off(now_us);
    seen_files_ = ended_files_;
    seen_us_ = now_us;
  }
  if (const auto file = open_.find(index); file != open_.end()) file->second.since = now_us;
}

void cost_forecast::give_back(domain::file_index index, std::int64_t now_us) {
  if (const auto file = open_.find(index); file != open_.end()) file->second.since.reset();
  attempts_ += 1;
  lost_attempts_ += 1;
  advance(now_us);
}

void cost_forecast::complete(domain::file_index index, std::int64_t now_us) {
  const auto known = open_.find(index);
  if (known == open_.end()) return;
  const auto& file = known->second;
  if (file.read && file.since) {
    if (++slot_files_ > limits::forecast_files) {
      slot_us_ /= 2;
      slot_cost_ /= 2;
      slot_files_ /= 2;
    }
    const double cost = corrected(file.kind, file.cost);
    const auto us = static_cast<double>(now_us - *file.since);
    // A machine that slept, or whose clock was set, would count for many files.
    const double us_max =
        slot_cost_ > 0 ? cost * slot_us_ / slot_cost_ * limits::calibration_ratio_max : us;
    slot_us_ += std::min(us, us_max);
    slot_cost_ += cost;
  }
  end(index, now_us);
}

void cost_forecast::fail(domain::file_index index, std::int64_t now_us) {
  const auto known = open_.find(index);
  if (known == open_.end()) return;
  failed_bytes_[index] = known->second.bytes;
  lost_attempts_ += 1;
  // A header that cannot be read costs next to nothing: so may those of other files.
  if (!known->second.read) {
    read_bytes_ += static_cast<double>(known->second.bytes);
    read_files_ += 1;
  }
  end(index, now_us);
}

void cost_forecast::end(domain::file_index index, std::int64_t now_us) {
  const auto file = open_.extract(index);
  if (file.mapped().read) ended_cost_.add(file.mapped().kind, file.mapped().cost);
  ended_files_ += 1;
  attempts_ += 1;
  advance(now_us);
}

// What a running file has done of its cost, as long as others took for theirs. Its end may be late.
double cost_forecast::worked_off(const open_file& file, std::int64_t now_us) const {
  if (!file.since || !file.read || slot_us_ <= 0) return 0;
  const double cost = static_cast<double>(now_us - *file.since) * slot_cost_ / slot_us_;
  return std::clamp(cost / values_[file.kind], 0.0, file.cost * limits::forecast_running_part_max);
}

cost_mix cost_forecast::worked_off(std::int64_t now_us) const {
  auto cost = ended_cost_;
  for (const auto& [index, file] : open_)
    if (file.since && file.read) cost.add(file.kind, worked_off(file, now_us));
  return cost;
}

// Notes what was worked off since the last time.
void cost_forecast::advance(std::int64_t now_us) {
  if (!clock_runs_) return;
  auto cost = worked_off(now_us);
  constexpr double memory_us = limits::forecast_memory_ms * 1e3;
  const double passed_us = std::max(0.0, static_cast<double>(now_us - seen_us_));
  const double left = std::exp(-passed_us / memory_us);
  // The time that passed has begun to fade too; so has the work that was done in it.
  const double counted_us = memory_us * (1 - left);
  const double share = passed_us > 0 ? counted_us / passed_us : 1;
  work_cost_.scale(left);
  work_cost_.add(cost, share);
  work_cost_.add(seen_cost_, -share);
  work_files_ = work_files_ * left + (ended_files_ - seen_files_) * share;
  work_us_ = work_us_ * left + counted_us;
  seen_cost_ = std::move(cost);
  seen_files_ = ended_files_;
  seen_us_ = now_us;
}

std::optional<cost_forecast::remainder> cost_forecast::remaining(const domain::batch_state& batch,
                                                                 std::int64_t now_us) const {
  remainder left;
  double other_bytes = static_cast<double>(batch.bytes_added) - static_cast<double>(batch.bytes_in);
  double unread_bytes = 0, unread_files = 0;
  for (const auto& [index, file] : open_) {
    other_bytes -= static_cast<double>(file.bytes);
    if (file.read) {
      const double cost = file.cost - worked_off(file, now_us);
      left.costs.add(file.kind, cost);
      left.square += std::pow(corrected(file.kind, cost), 2);
      if (slot_cost_ > 0)
        (file.since ? left.running_us : left.waiting_us)
            .push_back(corrected(file.kind, cost) * slot_us_ / slot_cost_);
    } else {
      unread_bytes += static_cast<double>(file.bytes);
      unread_files += 1;
    }
  }
  for (const auto& [index, bytes] : failed_bytes_)
    other_bytes -= static_cast<double>(bytes);
  // Of the other files some may have failed in an earlier life of the process: those are as large
  // as the rest, as far as is known.
  const auto known = static_cast<double>(open_.size());
  const double open = std::max(0.0, batch.open() - known);
  const double others = batch.total() - batch.count(domain::file_status::completed) - known -
                        static_cast<double>(failed_bytes_.size());
  if (open > 0 && others > 0) {
    unread_bytes += std::max(0.0, other_bytes) * open / others;
    unread_files += open;
  }
  if (unread_bytes > 0) {
    if (read_bytes_ <= 0) return std::nullopt;
    const double part = unread_bytes / read_bytes_;
    const double cost = read_cost_.total(values_) * part;
    left.costs.add(read_cost_, part);
    if (unread_files > 0) left.square += cost * cost / unread_files;
    if (const double all = left.costs.total(values_); all > 0) left.unread_part = cost / all;
  }
  return left;
}

// The relative standard deviation of what is left of the time. Kinds that make up as much of the
// rest as of the work that was measured do not count: their error is in both.
double cost_forecast::error_of(const remainder& left) const {
  const double rest = left.costs.total(values_), done = work_cost_.total(values_);
  double square = std::pow(limits::forecast_speed_error, 2);
  double spread = 0;
  for (std::size_t kind = 0; kind < ratios_.size(); ++kind) {
    const double of_rest = corrected(kind, left.costs.of(kind)) / rest;
    const double of_done = corrected(kind, work_cost_.of(kind)) / done;
    square += std::pow((of_rest - of_done) * ratios_[kind].error, 2);
    spread += of_rest * ratios_[kind].spread;
  }
  if (!ratio_of_) spread = limits::calibration_spread_unknown;
  // What an attempt is worth varies as well when some are in vain: as it does for tosses of a coin.
  const double lost =
      std::min(limits::forecast_lost_part_max, lost_attempts_ / std::max(1.0, attempts_));
  square += (spread * spread + lost / (1 - lost)) *
            (left.square / (rest * rest) + 1 / std::max(0.5, work_files_));
  return std::sqrt(square + left.unread_part * left.unread_part / std::max(1.0, read_files_));
}

// How long it takes until the last of those files has ended whose headers were read, when each slot
// takes the costliest one next. Other files are so many that slots are idle for no time that
// counts.
double cost_forecast::last_files_us(remainder& left) const {
  if (slot_cost_ <= 0) return 0;
  const double busy_slots = work_cost_.total(values_) / work_us_ * slot_us_ / slot_cost_;
  const auto files = static_cast<double>(left.running_us.size() + left.waiting_us.size());
  std::vector<double> busy_us(static_cast<std::size_t>(
      std::clamp(std::ceil(busy_slots - limits::forecast_idle_part), 1.0, std::max(1.0, files))));
  for (auto* part : {&left.running_us, &left.waiting_us}) {
    std::ranges::sort(*part, std::greater{});
    for (const double us : *part) {
      std::ranges::pop_heap(busy_us, std::greater{});
      busy_us.back() += us;
      std::ranges::push_heap(busy_us, std::greater{});
    }
  }
  return std::ranges::max(busy_us);
}

std::optional<time_left> cost_forecast::read(const domain::batch_state& batch,
                                             std::int64_t now_us) {
  read_ratios();
  advance(now_us);
  const double done = work_cost_.total(values_);
  if (ended_files_ == 0 || work_us_ < limits::forecast_time_min_ms * 1e3 || done <= 0 ||
      batch.open() == 0)
    return std::nullopt;
  auto rest = remaining(batch, now_us);
  if (!rest) return std::nullopt;
  const double cost = rest->costs.total(values_);
  const double ms = std::max(cost / done * work_us_, last_files_us(*rest)) / 1e3;
  const double factor = cost > 0 ? 1 + limits::forecast_deviations * error_of(*rest) : 1;
  return time_left{static_cast<std::uint64_t>(ms), static_cast<std::uint64_t>(ms / factor),
                   static_cast<std::uint64_t>(std::ceil(ms * factor))};
}

} // namespace darkroom::actors
