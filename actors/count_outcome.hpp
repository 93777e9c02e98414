// How the files of a machine ended, for displays.
#pragma once

#include "actors/node_board.hpp"
#include "actors/slot_runner.hpp"

namespace darkroom::actors {

inline void count_outcome(node_board& nodes, const std::string& machine,
                          const conversion_outcome& outcome) {
  nodes.change(machine, [&](node_row& row) {
    if (outcome.how == conversion_outcome::kind::converted) row.files_completed += 1;
    if (outcome.how == conversion_outcome::kind::failed) row.files_failed += 1;
    if (outcome.how == conversion_outcome::kind::interrupted) row.files_interrupted += 1;
  });
}

} // namespace darkroom::actors
