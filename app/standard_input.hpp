// Standard input as a source: the word `-`.
#pragma once

#include "app/sources.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace darkroom::app {

inline constexpr std::string_view standard_stream = "-"; // as the command line names it

// Takes every `-` out of the words; whether there was one.
bool take_standard_stream(std::vector<std::string>& words);

// Everything that standard input holds, in a memory file, and the source that it is: its path
// leads to that file as long as it is open, and only in this process.
struct standard_input {
  base::unique_fd content;
  source_file file;
};
// The error is a sentence: it cannot be read, is empty, or has more bytes than a source may have.
base::result<standard_input, std::string> read_standard_input();

// Stores it below a folder, under a name that its bytes make: the same input is the same source, so
// that an interrupted run can go on. Files of earlier inputs there are removed.
base::result<source_file, std::string> store_standard_input(const standard_input& input,
                                                            const std::string& folder);
// Removes what `store_standard_input` has stored there.
void remove_standard_inputs(const std::string& folder);

} // namespace darkroom::app
