// The names in one batch that still takes files: which paths are there, and which output names are
// taken. Kept as 64-bit hashes: a million files are about 40 MB.
#pragma once

#include "base/result.hpp"
#include "domain/events.hpp"
#include "domain/output_planner.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>

namespace darkroom::domain {

class file_names {
public:
  // `extensions`: one for each output of the spec, without dot.
  file_names(const conversion_spec& spec, std::vector<std::string> extensions);

  // The file that has this path.
  std::optional<file_index> find(std::string_view path) const;
  // Plans the outputs of a new file and takes its path, which nobody has.
  base::result<std::vector<std::string>, name_collision> add(std::string_view path,
                                                             file_index index);
  // Takes the names of a file that has been planned before.
  void take(const file_entry& file, file_index index);
  // Plans the outputs of a file whose path is taken already.
  base::result<std::vector<std::string>, name_collision> replan(std::string_view path);
  // Gives the names of a removed file back.
  void remove(const file_entry& file);

private:
  boost::unordered_flat_map<std::uint64_t, file_index> paths_; // by hash
  output_planner planner_;
};

} // namespace darkroom::domain
