// What every batch takes, by owner and in all: written by the supervisors as they decide, read by
// quotas and metrics.
#pragma once

#include "persistence/records.hpp"

#include <array>
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

struct board_totals {
  std::array<std::uint64_t, base::enum_count<domain::batch_phase>> batches{};
  std::array<std::uint64_t, base::enum_count<domain::file_status>> files{};
};

class usage_board {
public:
  // What the batch takes from now on.
  void set(const persistence::batch_summary& batch);

  // All that there is, told anew: nobody sees a moment without it.
  void replace(const std::vector<const persistence::batch_summary*>& batches);

  // What is known of one batch; nothing when there is none.
  struct batch_facts {
    std::string owner;
    domain::batch_phase phase = domain::batch_phase::absent;
    bool sealed = false;
    std::uint64_t open_files = 0;
  };
  std::optional<batch_facts> find(const domain::batch_id& batch) const;

  owner_usage of(const std::string& owner) const;
  std::map<std::string, owner_usage> all() const;
  board_totals totals() const;

private:
  struct share {
    std::string owner;
    domain::batch_phase phase = domain::batch_phase::absent;
    domain::status_counts counts{};
    std::uint64_t live = 0, queued_files = 0, stored_bytes = 0;
    bool sealed = false;
  };
  void put(const persistence::batch_summary& batch);
  void add(const share& s, std::uint64_t times); // times: 1, or all bits set for -1

  mutable std::mutex mutex_;
  std::map<domain::batch_id, share> shares_;
  std::map<std::string, owner_usage> owners_;
  board_totals totals_;
};

} // namespace darkroom::actors
