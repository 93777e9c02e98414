// How long the rest of a batch takes: the predicted cost of what has not ended, divided by the cost
// that was worked off in a second. Files and bytes would not do: the costliest files run first, and
// a byte of one format costs many times one of another. Costs are corrected by what is known of
// their kind. Pure: time is told to it.
#pragma once

#include "actors/cost_calibration.hpp"
#include "actors/cost_mix.hpp"
#include "actors/time_left.hpp"
#include "domain/batch_state.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace darkroom::actors {

class cost_forecast {
public:
  // What is known of a kind of conversion. Without it, predictions count as they are.
  using ratio_source = std::function<learnt_ratio(const std::string& kind)>;
  void calibrate(ratio_source ratio_of) { ratio_of_ = std::move(ratio_of); }

  // The work begins, or goes on. The clock runs from the next start of a file on: neither the time
  // of a pause nor the wait for a first slot says how fast the batch goes.
  void resume() { waits_for_start_ = true; }
  void pause(std::int64_t now_us);
  // Other outputs were asked for: what was predicted is void.
  void forget_costs();
  // The batch has ended. What is known of its speed stays, for a retry.
  void forget_files();
  // A failed file is open again.
  void reopen(domain::file_index index) { failed_bytes_.erase(index); }

  // An attempt begins to be prepared; its header has been read; it has a slot.
  void fetch(domain::file_index index, std::uint64_t bytes);
  void predict(domain::file_index index, cost_prediction predicted);
  void start(domain::file_index index, std::int64_t now_us);
  // The attempt is over, and the file is to run again.
  void give_back(domain::file_index index, std::int64_t now_us);
  void complete(domain::file_index index, std::int64_t now_us);
  void fail(domain::file_index index, std::int64_t now_us);

  // Of a file that has not ended and whose header was read.
  std::optional<cost_prediction> prediction_of(domain::file_index index) const;

  // Nothing while nothing is known: no file has ended yet, or none is open.
  std::optional<time_left> read(const domain::batch_state& batch, std::int64_t now_us);

private:
  struct open_file {
    std::uint64_t bytes = 0;
    bool read = false; // its header: only then it has what follows
    std::size_t kind = 0;
    double cost = 0, bytes_out = 0;
    std::optional<std::int64_t> since; // when it got its slot
  };
  // The cost of what has not ended.
  struct remainder {
    cost_mix costs;
    double square = 0;      // of single files' costs, added up
    double unread_part = 0; // of the cost: known from bytes alone
    // In a slot, of the files whose header was read.
    std::vector<double> running_us, waiting_us;
  };
  std::size_t number_of(const std::string& kind);
  void read_ratios();
  double corrected(std::size_t kind, double cost) const;
  void end(domain::file_index index, std::int64_t now_us);
  double worked_off(const open_file& file, std::int64_t now_us) const;
  cost_mix worked_off(std::int64_t now_us) const;
  void advance(std::int64_t now_us);
  std::optional<remainder> remaining(const domain::batch_state& batch, std::int64_t now_us) const;
  double error_of(const remainder& left) const;
  double last_files_us(remainder& left) const;

  ratio_source ratio_of_;
  std::map<std::string, std::size_t> kinds_;
  std::vector<learnt_ratio> ratios_; // by number of the kind, when they were last read
  std::vector<double> values_;       // of these

  std::map<domain::file_index, open_file> open_; // the supervisor's window and what was given back
  std::map<domain::file_index, std::uint64_t> failed_bytes_;

  // Of all files whose header was read, also in vain: predicts the cost of the others.
  cost_mix read_cost_;
  double read_bytes_ = 0, read_files_ = 0;
  // Of the last completed files: how long one takes in its slot.
  double slot_us_ = 0, slot_cost_ = 0;
  std::uint32_t slot_files_ = 0;

  // Work and the time that it took, both fading with age.
  cost_mix ended_cost_; // of all that ended
  double ended_files_ = 0;
  cost_mix work_cost_;
  double work_files_ = 0, work_us_ = 0;
  double attempts_ = 0, lost_attempts_ = 0; // that ended; without a completed file
  // `ended_cost_` and what was worked off of running files, and `ended_files_`, at `seen_us_`.
  cost_mix seen_cost_;
  double seen_files_ = 0;
  std::int64_t seen_us_ = 0;
  bool clock_runs_ = false;
  bool waits_for_start_ = true;
};

} // namespace darkroom::actors
