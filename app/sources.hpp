// Finds the files that a command line names: files, folders and quoted globs.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace darkroom::app {

struct source_file {
  std::string path;      // relative: what the output's name is made of
  std::string absolute;  // where its name is: a canonical folder and a name, which may be a link
  std::string canonical; // without links: another source's, if it is a link to that
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;        // since the Unix epoch
  std::uint64_t device = 0, inode = 0; // what it is, under whatever name
};

// Something that was found and is not converted.
struct omitted_file {
  std::string path;  // relative, as a source's
  std::string named; // the same as the command line reaches it
  std::string why;
  std::uint64_t bytes = 0; // 0 if it has none, or nobody knows
};

struct source_list {
  std::vector<source_file> files;
  // Files and folders that cannot be read, or were gone when they were to be: failures.
  std::vector<omitted_file> unreadable;
  // No images, links to folders, hidden files, pipes: told, but no failures.
  std::vector<omitted_file> skipped;

  bool empty() const { return files.empty() && unreadable.empty(); }
};

// Everything that the words name, each name once, in the order of the words and then of the names.
// A link to a file is a file of its own name. A folder stands for all images below it, hidden ones
// excepted; `excluded` (absolute) and what lies below it is passed over. What is no image by its
// first bytes is skipped, unless a word names it or its own name claims that it is one: then it
// has to fail. In a glob, `*` and `?` stay within one name and `**` goes through folders. The error
// is a sentence: a word that names nothing.
base::result<source_list, std::string> find_sources(const std::vector<std::string>& words,
                                                    const std::string& excluded);

} // namespace darkroom::app
