// How the files of a machine ended, for displays.
#pragma once

#include "actors/node_board.hpp"
#include "actors/slot_runner.hpp"
#include "base/overloaded.hpp"

namespace darkroom::actors {

// Whether the batch gives the file another try because of what this machine lacked.
inline bool is_given_back(const conversion_failed& end) {
  return end.error.reason == domain::failure_reason::limit_memory ||
         end.error.reason == domain::failure_reason::disk_full;
}

inline void count_outcome(node_board& nodes, const std::string& machine,
                          const conversion_outcome& outcome) {
  nodes.change(machine, [&](node_row& row) {
    std::visit(base::overloaded{[&](const file_converted&) { row.files_completed += 1; },
                                [&](const conversion_failed& end) {
                                  (is_given_back(end) ? row.files_interrupted : row.files_failed) +=
                                      1;
                                },
                                [&](const conversion_interrupted&) { row.files_interrupted += 1; }},
               outcome);
  });
}

} // namespace darkroom::actors
