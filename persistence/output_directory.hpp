// Outputs in place, below one directory: what `darkroom convert` writes.
#pragma once

#include "persistence/output_store.hpp"

namespace darkroom::persistence {

class output_directory final : public output_store {
public:
  // `keep_times`: outputs have their source's time of change.
  explicit output_directory(std::string root, bool keep_times = false)
      : root_(std::move(root)), keep_times_(keep_times) {}

  file_result<staged_output> stage(const domain::batch_id& batch, domain::file_index file,
                                   std::uint32_t output, const std::string& target, int content,
                                   domain::existing_policy existing) override;
  std::vector<placed_output> place(std::span<const staged_output> staged) override;
  void discard(const staged_output& staged) override;
  file_result<base::unique_fd> open_staged(const staged_output& staged) override;
  // Outputs are files of the user's: they stay.
  void release(const file_record&) override {}
  void take_back(const staged_output& staged) override;
  file_result<void> set_time(const staged_output& staged, std::int64_t modified_ns) override;
  std::optional<written_file> existing(const std::string& target) override;
  bool exists(const std::string& target) override;
  void sweep(const domain::batch_id& batch, domain::file_index file,
             std::span<const std::string> targets) override;

private:
  std::string below_root(const std::string& path) const { return root_ + '/' + path; }
  placed_output place_one(const staged_output& staged);

  unsynced_files unsynced_;
  std::string root_;
  bool keep_times_;
};

} // namespace darkroom::persistence
