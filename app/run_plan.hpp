// What a run of `darkroom convert` has to do, given what earlier runs into the same folder did.
#pragma once

#include "app/sources.hpp"
#include "base/result.hpp"
#include "domain/conversion_spec.hpp"
#include "domain/events.hpp"
#include "persistence/read_view.hpp"

#include <optional>
#include <string>
#include <vector>

namespace darkroom::app {

struct run_plan {
  std::optional<domain::batch_id> resumed;  // the interrupted batch that goes on
  std::vector<domain::batch_id> superseded; // interrupted batches that do not
  std::vector<domain::file_entry> entries;  // of the new batch, if none is resumed
  std::vector<std::string> renamed;         // "a.png -> a-2.webp": collisions
  std::size_t already_done = 0;             // files left alone: done before, nothing has changed
};

// The error is a sentence: two files want one output name and may not be renamed.
base::result<run_plan, std::string> plan_run(const std::vector<source_file>& sources,
                                             const std::string& out,
                                             const domain::conversion_spec& spec,
                                             const persistence::read_view* journal);

} // namespace darkroom::app
