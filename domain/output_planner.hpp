// Plans where the outputs of files go, in the order in which files are added. Pure: the names that
// are taken are told to it.
#pragma once

#include "base/result.hpp"
#include "domain/conversion_spec.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::domain {

struct name_collision {
  std::string path;   // of the file that was to be added
  std::string output; // the name that is taken
};

// FNV-1a, 64 bits: the same on every machine.
std::uint64_t hash_of(std::string_view text);

class output_planner {
public:
  // `extensions`: one for each output of the spec, without dot.
  output_planner(conversion_spec spec, std::vector<std::string> extensions);

  // Takes a name: an output of an earlier run, or a source that must never be overwritten.
  void reserve(std::string_view path);
  // Gives a name back.
  void release(std::string_view path);

  // Plans the outputs of one file: its path with each output's suffix and extension, as every file
  // system can hold it (`portable_path`), and no longer than one allows. A name that is taken, also
  // by one that differs only in case, gets `-2`, `-3`, … or is an error, as the spec says.
  base::result<std::vector<std::string>, name_collision> plan(std::string_view path);

private:
  bool take(std::string_view path);
  std::string numbered(std::string_view stem, std::size_t output, std::uint32_t number) const;
  std::optional<std::string> free_name(std::string_view stem, std::size_t output,
                                       std::string& wanted);

  conversion_spec spec_;
  std::vector<std::string> extensions_;
  // 64-bit hashes of folded names instead of names: a million files are 16 MB. A false match (one
  // in 10⁷ at a million names) only means a needless `-2`.
  boost::unordered_flat_set<std::uint64_t> taken_;
  // By the hash of a name that was taken: the number to try next. Without it, many files of one
  // stem would try all numbers again, each.
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> next_numbers_;
};

} // namespace darkroom::domain
