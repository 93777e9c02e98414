// Names of the entries of a ZIP: legal on Windows, and different also where case does not count.
// The outputs of a batch are planned so; those of journals that are older than that are renamed
// here.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>

#include <cstdint>
#include <string>

namespace darkroom::http {

class zip_names {
public:
  // The name of the next entry, which depends on those before it only.
  std::string next(const std::string& output);
  // Whether any name so far is not its output's.
  bool renamed() const { return renamed_; }

private:
  bool take(const std::string& name);

  boost::unordered_flat_set<std::uint64_t> taken_; // hashes of folded names: 16 MB for a million
  bool renamed_ = false;
};

} // namespace darkroom::http
