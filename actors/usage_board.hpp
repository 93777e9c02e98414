// What every batch takes, by owner and in all: written by the supervisors as they decide, read by
// quotas and metrics.
#pragma once

#include "domain/limits.hpp"
#include "persistence/access_records.hpp"
#include "persistence/records.hpp"

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace darkroom::actors {

struct owner_usage {
  std::uint64_t batches = 0, live_batches = 0;
  std::uint64_t queued_files = 0; // that have not ended
  std::uint64_t stored_bytes = 0; // sources and outputs, each as often as a batch has it
};

// What may be granted to one user, as the settings say.
struct owner_limits {
  std::uint64_t files_per_batch_max = limits::files_per_batch_max;
  std::uint64_t pixels_per_day = 0, cpu_ms_per_day = 0; // 0: no limit
};

struct board_totals {
  std::array<std::uint64_t, base::enum_count<domain::batch_phase>> batches{};
  std::array<std::uint64_t, base::enum_count<domain::file_status>> files{};
};

// What one batch takes.
struct batch_share {
  std::string owner;
  domain::batch_phase phase = domain::batch_phase::absent;
  domain::status_counts counts{};
  std::uint64_t live = 0, queued_files = 0, stored_bytes = 0;
  bool sealed = false;
};
batch_share share_of(const persistence::batch_summary& batch);

class usage_board {
public:
  // What the batch takes from now on.
  void set(const persistence::batch_summary& batch);

  // All that there is, told anew: nobody sees a moment without it.
  void replace(const std::vector<std::pair<domain::batch_id, batch_share>>& batches);

  // What is known of one batch; nothing when there is none.
  struct batch_facts {
    std::string owner;
    domain::batch_phase phase = domain::batch_phase::absent;
    bool sealed = false;
    std::uint64_t open_files = 0;
    std::uint64_t files = 0; // also removed ones
  };
  std::optional<batch_facts> find(const domain::batch_id& batch) const;

  owner_usage of(const std::string& owner) const;
  std::map<std::string, owner_usage> all() const;
  board_totals totals() const;

  // How much conversions of an owner have taken today (UTC).
  persistence::day_use today(const std::string& owner, std::int64_t now_us) const;
  // Adds to that; what is to be kept of it. `slot_us`: how long a slot worked on the file.
  persistence::day_use add_work(const std::string& owner, std::int64_t now_us, std::uint64_t pixels,
                                std::uint64_t slot_us);
  void restore(persistence::day_use known);

  // From where limits of owners come; null: there are none. Called from any thread.
  void limit(std::function<owner_limits(const std::string&)> of_owner);
  owner_limits limits_of(const std::string& owner) const;
  // Whether its conversions wait for the next day.
  bool day_used_up(const std::string& owner, std::int64_t now_us) const;

private:
  void put(const domain::batch_id& batch, batch_share now);
  void add(const batch_share& s, std::uint64_t times); // times: 1, or all bits set for -1

  mutable std::mutex mutex_;
  std::map<domain::batch_id, batch_share> shares_;
  std::map<std::string, owner_usage> owners_;
  struct counted_day {
    persistence::day_use use;
    std::uint64_t rest_us = 0; // less than the millisecond that `use` counts in
  };
  std::map<std::string, counted_day> days_; // the last one of each owner
  board_totals totals_;

  mutable std::mutex limits_mutex_; // held while `limits_of_` is called, so that it can be replaced
  std::function<owner_limits(const std::string&)> limits_of_;
};

} // namespace darkroom::actors
