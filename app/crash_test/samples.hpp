// What the crash test converts, and into what.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace darkroom::app {

struct crash_sample {
  std::string file; // on disk
  std::string extension;
  std::string sha256; // in hexadecimal
  std::uint64_t bytes = 0;
};

// Writes pictures of several formats and sizes, and for each format a file that is none, into a
// folder. The error is a sentence.
base::result<std::vector<crash_sample>, std::string> make_crash_samples(const std::string& folder);

// The files that somebody named.
base::result<std::vector<crash_sample>, std::string>
read_crash_samples(const std::vector<std::string>& files);

// Specs as they are sent to the server.
const std::vector<std::string>& crash_specs();

} // namespace darkroom::app
