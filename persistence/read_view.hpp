// Reading the journal, from any thread, beside its writer.
#pragma once

#include "persistence/journal_error.hpp"
#include "persistence/records.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace darkroom::persistence {

class database;

class read_view {
public:
  explicit read_view(std::shared_ptr<database> db) : db_(std::move(db)) {}

  // Opens a journal that may be in use by a running process, as it is now.
  static journal_result<std::shared_ptr<const read_view>> open(const std::string& directory);

  // All batches, the oldest first.
  journal_result<std::vector<batch_summary>> batches() const;
  journal_result<std::vector<domain::batch_id>> live_batches() const;

  // The newest snapshot and the tail after it, by the same `apply` that runs live; a hole in the
  // chain of `prev`, or an event that cannot have happened, is corruption.
  journal_result<positioned_state> replay(const domain::batch_id& batch) const;

  // Files of a batch, by index.
  journal_result<std::vector<file_record>> files(const domain::batch_id& batch,
                                                 std::span<const domain::file_index> indexes) const;
  // Every file in order; `visit` returns false to stop.
  journal_result<void> each_file(const domain::batch_id& batch,
                                 const std::function<bool(file_record&&)>& visit) const;
  // Every event after `after`, in order; `visit` returns false to stop.
  journal_result<void> each_event(const domain::batch_id& batch, domain::seq after,
                                  const std::function<bool(journaled_event&&)>& visit) const;

  // Everything that is wrong: events against each other, and projections against events. Empty:
  // content. One sentence each.
  journal_result<std::vector<std::string>> verify() const;

private:
  std::shared_ptr<database> db_;
};

} // namespace darkroom::persistence
