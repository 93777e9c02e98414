// Finds the files that a command line names: files, folders and quoted globs.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace darkroom::app {

struct source_file {
  std::string path;     // relative: what the output's name is made of
  std::string absolute; // where it is: canonical, without links
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;        // since the Unix epoch
  std::uint64_t device = 0, inode = 0; // what it is, under whatever name
};

// Everything that the words name, each file once, in the order of the words and then of the names.
// A folder stands for all regular files below it, hidden ones excepted; `excluded` (absolute) and
// what lies below it is passed over. In a glob, `*` and `?` stay within one name and `**` goes
// through folders. The error is a sentence: a word that names nothing, a folder that cannot be
// read.
base::result<std::vector<source_file>, std::string>
find_sources(const std::vector<std::string>& words, const std::string& excluded);

} // namespace darkroom::app
