// How requests to a batch end. Each outcome is a variant of named results, so that what cannot be
// together cannot be told together. The first alternative, which a default-constructed outcome has,
// is never a success.
#pragma once

#include "actors/time_left.hpp"
#include "domain/batch_state.hpp"
#include "domain/file_names.hpp"
#include "persistence/records.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace darkroom::actors {

// How the files of a batch are, or a range of them.
struct file_states {
  domain::file_index first = 0;
  std::vector<domain::file_status> states; // from the first on
  std::optional<domain::file_status> at(domain::file_index i) const {
    return i < first || i - first >= states.size() ? std::nullopt
                                                   : std::optional{states[i - first]};
  }
};

struct batch_view {
  bool found = false;
  persistence::batch_summary summary;
  std::uint32_t in_flight = 0;
  std::optional<wait_reason> waiting_for; // `quota`, or unknown here: DISPATCHER knows the rest
  double files_per_s = 0, pixels_per_s = 0, bytes_per_s = 0; // moving averages
  std::optional<actors::time_left> time_left; // of a running batch, once enough is known
  std::shared_ptr<const file_states> files;   // those that were asked for; null: none
};

// The journal failed, or no answer came: only replay will tell whether it happened.
struct in_doubt {
  std::string why;
};
// Carried out, and durable.
struct accepted {
  batch_view view;
};
// It was so already, which is durable.
struct unchanged {
  batch_view view;
};
// The batch does not allow it. `view`: as it is; of a batch that was not made, its phase is
// `absent`.
struct rejected {
  domain::refusal refusal;
  batch_view view;
};
// There is no such batch, or no longer.
struct not_found {};
// A command came after the one that `if_match` names.
struct stale {
  batch_view view;
};
using command_outcome = std::variant<in_doubt, accepted, unchanged, rejected, not_found, stale>;

// The batch after a command that was carried out or was so already; null: it was not.
inline const batch_view* resulting_view(const command_outcome& outcome) {
  if (const auto* done = std::get_if<accepted>(&outcome)) return &done->view;
  if (const auto* already = std::get_if<unchanged>(&outcome)) return &already->view;
  return nullptr;
}

// What became of one file that was to be added.
struct output_collision {
  std::string output; // the name that two files want
};
struct path_taken {
  domain::file_index index = 0; // of the file that has it
};
struct path_free {}; // and only that was asked
struct file_added {
  domain::file_index index = 0;
};
using file_addition = std::variant<output_collision, path_taken, path_free, file_added>;

// Each file was answered for; those that were added are durable.
struct files_answered {
  std::vector<file_addition> files; // one for each entry
};
using files_outcome = std::variant<in_doubt, files_answered, rejected, not_found>;

// The names in a batch, read from the journal.
struct names_unreadable {
  std::string why;
};
struct names_collide {
  std::string detail; // two files want one name, and the spec says that this is an error
};
struct names_read {
  std::shared_ptr<domain::file_names> names;
  std::vector<domain::replanned_file> replanned; // whose outputs get other names
};
using names_loaded = std::variant<names_unreadable, names_collide, names_read>;

} // namespace darkroom::actors
