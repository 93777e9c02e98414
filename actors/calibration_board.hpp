// What all supervisors have learnt of costs, shared between the threads of actors.
#pragma once

#include "actors/cost_calibration.hpp"

#include <mutex>
#include <utility>

namespace darkroom::actors {

class calibration_board {
public:
  void observe(const cost_prediction& predicted, double us, double bytes_out, std::int64_t now_us) {
    const std::lock_guard lock(mutex_);
    calibration_.observe(predicted, us, bytes_out, now_us);
  }
  learnt_ratio time_ratio(const std::string& kind) const {
    const std::lock_guard lock(mutex_);
    return calibration_.time_ratio(kind);
  }
  void restore(persistence::cost_ratio known) {
    const std::lock_guard lock(mutex_);
    calibration_.restore(std::move(known));
  }
  std::vector<persistence::cost_ratio> take_changed(bool any) {
    const std::lock_guard lock(mutex_);
    return calibration_.take_changed(any);
  }

private:
  mutable std::mutex mutex_;
  cost_calibration calibration_;
};

} // namespace darkroom::actors
