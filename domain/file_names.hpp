// The names in one batch that still takes files: which paths are there, and which output names are
// taken. Kept as 64-bit hashes: a million files are about 40 MB.
#pragma once

#include "base/result.hpp"
#include "domain/events.hpp"
#include "domain/output_planner.hpp"

#include <boost/unordered/unordered_flat_set.hpp>
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
  // Twelve bytes: a map from a hash to an index would take sixteen.
  struct path_place {
    std::uint32_t hash_high = 0, hash_low = 0;
    file_index index = 0;
    bool operator==(const path_place& other) const { return hash() == other.hash(); }
    std::uint64_t hash() const { return std::uint64_t{hash_high} << 32 | hash_low; }
  };
  struct place_hash {
    std::size_t operator()(const path_place& place) const { return place.hash(); }
  };
  static path_place place_of(std::string_view path, file_index index = 0);

  boost::unordered_flat_set<path_place, place_hash> paths_;
  output_planner planner_;
};

} // namespace darkroom::domain
