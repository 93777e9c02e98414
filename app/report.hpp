// The report of a run: one row for each file, and for each that was found and is not converted.
#pragma once

#include "app/sources.hpp"
#include "base/result.hpp"
#include "persistence/read_view.hpp"

#include <string>

namespace darkroom::app {

// Writes to a temporary name, syncs and renames. The path's ending chooses the kind: `.json` is one
// array, `.ndjson` one object a line, `.csv` RFC 4180. The error is a sentence.
base::result<void, std::string> write_report(const std::string& path,
                                             const persistence::read_view& journal,
                                             const domain::batch_id& batch,
                                             const source_list& found);
// Of a run without a batch, as when all was done before: only what is not converted.
base::result<void, std::string> write_report(const std::string& path, const source_list& found);

} // namespace darkroom::app
