// An amount of predicted cost, by kind of conversion: what was learnt of a kind meanwhile counts
// also for what was predicted before. Kinds are numbered by who uses it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace darkroom::actors {

class cost_mix {
public:
  void add(std::size_t kind, double cost) {
    if (kind >= costs_.size()) costs_.resize(kind + 1);
    costs_[kind] += cost;
  }
  void add(const cost_mix& other, double times = 1) {
    for (std::size_t kind = 0; kind < other.costs_.size(); ++kind)
      add(kind, other.costs_[kind] * times);
  }
  void scale(double times) {
    for (auto& cost : costs_)
      cost *= times;
  }
  void clear() { costs_.clear(); }
  double of(std::size_t kind) const { return kind < costs_.size() ? costs_[kind] : 0; }
  // With the ratio of each kind; those without one count as predicted.
  double total(std::span<const double> ratios) const {
    double sum = 0;
    for (std::size_t kind = 0; kind < costs_.size(); ++kind)
      sum += costs_[kind] * (kind < ratios.size() ? ratios[kind] : 1);
    return sum;
  }

private:
  std::vector<double> costs_;
};

} // namespace darkroom::actors
