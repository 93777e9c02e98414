// What `darkroom convert` is asked to do.
#pragma once

#include "app/field_options.hpp"
#include "base/result.hpp"
#include "domain/conversion_spec.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace darkroom::app {

struct convert_options {
  std::vector<std::string> sources;
  std::string out;
  domain::conversion_spec spec;
  std::size_t slots = 0; // 0 before `read`: as many as there are processors and memory for
  std::uint64_t memory_bytes = 0;
  bool dry_run = false;
  bool json = false;
  bool quiet = false;
  bool keep_times = false;           // outputs have the times of their sources
  std::optional<std::string> report; // a path that ends in .json, .ndjson or .csv

  // As they stand on the command line, before `read` makes sense of them.
  struct words {
    std::vector<std::string> to;
    given_words spec;
    std::optional<std::size_t> slots;
    std::string memory, report;
  } given;
};

// The options that make a spec, and what they say.
void declare_spec(CLI::App& command, convert_options::words& given);
base::result<void, std::string> read_spec(const convert_options::words& given,
                                          domain::conversion_spec& spec);

// Adds the options to a subcommand.
void declare(CLI::App& command, convert_options& options);

// Checks the words and fills the rest in; the error is a sentence for people.
base::result<void, std::string> read(convert_options& options);

} // namespace darkroom::app
