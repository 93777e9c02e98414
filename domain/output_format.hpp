// What a spec may ask of each format. The domain knows none by name: the module that knows the
// codecs passes the list.
#pragma once

#include "base/enum_names.hpp"
#include "base/result.hpp"
#include "domain/conversion_spec.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::domain {

enum class lossless_support : std::uint8_t {
  never,    // an output is lossy, whatever the spec says
  optional, // the spec decides
  always,   // an output is lossless, whatever the spec says
};

struct option_range {
  std::uint32_t least = 0, most = 0;
  bool operator==(const option_range&) const = default;
};

// The options of an output that a format follows. One that it does not follow has no effect.
struct output_options {
  std::optional<option_range> quality, effort;
  lossless_support lossless = lossless_support::never;
  std::span<const chroma_subsampling> chroma; // to choose from; static
  std::string_view progressive; // what the option makes of an output, "interlaced"; empty: nothing
};

// A format that can be written.
struct output_format {
  std::string name;                 // as in a spec
  std::string label;                // as people write it
  std::vector<std::string> aliases; // other names that a command line may use
  std::string extension;            // of files, without dot
  std::string media_type;
  output_options options;
};
using output_formats = std::span<const output_format>;

// By name, not by alias; null when there is none.
const output_format* find_format(output_formats formats, std::string_view name);

// The names of formats in which an output can be lossless.
std::vector<std::string> lossless_formats(output_formats formats);

// "a", "a or b", "a, b or c".
std::string list_text(const std::vector<std::string>& words, std::string_view conjunction);

// Checks that each output's format is one of `formats` and follows what the spec asks of it.
// `validate` checks what is true of any format.
base::result<void, spec_error> check_formats(const conversion_spec& spec, output_formats formats);

} // namespace darkroom::domain

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::domain::lossless_support> =
    darkroom::base::names("never", "optional", "always");
