// How long the rest of a batch takes: the predicted cost of what has not ended, divided by the cost
// that was worked off in a second. Files and bytes would not do: the costliest files run first, and
// a byte of one format costs many times one of another. Pure: time is told to it.
#pragma once

#include "domain/batch_state.hpp"

#include <cstdint>
#include <map>
#include <optional>

namespace darkroom::actors {

class cost_forecast {
public:
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
  void predict(domain::file_index index, std::uint64_t cost);
  void start(domain::file_index index, std::int64_t now_us);
  // The attempt is over, and the file is to run again.
  void give_back(domain::file_index index, std::int64_t now_us);
  void complete(domain::file_index index, std::int64_t now_us);
  void fail(domain::file_index index, std::int64_t now_us);

  // Nothing while nothing is known: no file has ended yet, or none is open.
  std::optional<std::uint64_t> time_left_ms(const domain::batch_state& batch, std::int64_t now_us);

private:
  struct open_file {
    std::uint64_t bytes = 0;
    std::optional<double> cost;        // nothing: its header has not been read
    std::optional<std::int64_t> since; // when it got its slot
  };
  void end(domain::file_index index, std::int64_t now_us);
  double worked_off(const open_file& file, std::int64_t now_us) const;
  void advance(std::int64_t now_us);
  std::optional<double> remaining_cost(const domain::batch_state& batch, std::int64_t now_us) const;

  std::map<domain::file_index, open_file> open_; // the supervisor's window and what was given back
  std::map<domain::file_index, std::uint64_t> failed_bytes_;

  // Of all files whose header was read, also in vain: predicts the cost of the others.
  double read_cost_ = 0, read_bytes_ = 0;
  // Of the last completed files: how long one takes in its slot.
  double slot_us_ = 0, slot_cost_ = 0;
  std::uint32_t slot_files_ = 0;

  // Work and the time that it took, both fading with age.
  double ended_cost_ = 0; // of all that ended
  double work_cost_ = 0, work_us_ = 0;
  double seen_cost_ = 0; // `ended_cost_` and what was worked off of running files, at `seen_us_`
  std::int64_t seen_us_ = 0;
  bool any_ended_ = false;
  bool clock_runs_ = false;
  bool waits_for_start_ = true;
};

} // namespace darkroom::actors
