// How one field of a described structure is known outside of the program. A structure is described
// once, by a function `for_each_field(structure, visit)` that calls `visit(field, member)` for each
// of its members; JSON, the command line, the journal, the messages to codec hosts, the list in
// /v1/formats and the checks of the OpenAPI file are visitors of it.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

namespace darkroom::domain {

struct field {
  std::string_view name; // of the JSON member
  // Of the protobuf field in the journal; pinned, never given to another meaning. Fields below
  // `first_explicit_tag` leave out zeros, as proto3 does; later ones are always written, so that a
  // journal that is older than a field gives its default.
  std::uint32_t tag = 0;
  std::string_view help; // one sentence for people
  // Numbers: their range. Texts: their bytes. Lists: how many elements. Never narrowed: journals
  // may hold what was allowed once.
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t element_bytes_max = 0; // lists of texts
  // Names of the option on the command line; empty: `--` and the name, with dashes.
  std::string_view option = {};
  bool is_flag = false;        // on the command line, an enum whose option sets the last value
  bool for_codec_hosts = true; // whether a conversion depends on it
  // Tags in the snapshot and the summary of a batch, where they differ.
  std::uint32_t snapshot_tag = 0, summary_tag = 0;
};

inline constexpr std::uint32_t first_explicit_tag = 32;
inline constexpr std::string_view no_option = "none"; // not on the command line

// A structure, or a constant one, that `for_each_field` is to visit.
template<class T, class Structure>
concept maybe_const = std::same_as<std::remove_const_t<T>, Structure>;

// A structure as it is when nothing is said of it.
template<class Structure>
const Structure& defaults_of() {
  static const Structure defaults{};
  return defaults;
}

} // namespace darkroom::domain
