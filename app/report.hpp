// The report of a run: one row for each file.
#pragma once

#include "base/result.hpp"
#include "persistence/read_view.hpp"

#include <string>

namespace darkroom::app {

// Writes to a temporary name, syncs and renames. The path's ending chooses the kind: `.json` is one
// array, `.ndjson` one object a line, `.csv` RFC 4180. The error is a sentence.
base::result<void, std::string> write_report(const std::string& path,
                                             const persistence::read_view& journal,
                                             const domain::batch_id& batch);

} // namespace darkroom::app
