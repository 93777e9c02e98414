// What a client says of a batch beside its spec, when it makes it.
#pragma once

#include "base/enum_names.hpp"
#include "domain/companions.hpp"
#include "domain/field.hpp"
#include "domain/limits.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace darkroom::domain {

// The numbers are stored in journals: never renumber, only append.
enum class start_rule : std::uint8_t {
  manual, // a command starts it
  // Starts with its first file, or with the last that it requires; takes files until it is sealed.
  on_first_file,
};

} // namespace darkroom::domain

template<>
inline constexpr auto darkroom::base::enum_names<darkroom::domain::start_rule> =
    names("manual", "on_first_file");

namespace darkroom::domain {

struct batch_attributes {
  std::string name;
  std::uint8_t priority = 0;
  std::vector<std::string> tags;
  start_rule start = start_rule::manual;
  bool keep_open = false;
  std::uint32_t max_failed = 0; // 0: any number of files may fail
  std::uint32_t slots_max = 0;  // 0: as many files run at once as there are slots
  std::vector<companion> required;
  bool operator==(const batch_attributes&) const = default;
};
// The attributes of what has them, to be read or replaced as a whole.
inline batch_attributes& attributes_of(batch_attributes& a) {
  return a;
}
inline const batch_attributes& attributes_of(const batch_attributes& a) {
  return a;
}
const batch_attributes& attributes_of(const batch_attributes&&) = delete; // would dangle

template<maybe_const<batch_attributes> Attributes>
void for_each_field(Attributes& a, auto&& visit) {
  visit(field{.name = "name",
              .tag = 2,
              .help = "Name of the batch.",
              .most = limits::name_bytes_max,
              .snapshot_tag = 8,
              .summary_tag = 5},
        a.name);
  visit(field{.name = "priority",
              .tag = 4,
              .help = "0 to 9; among the batches of one user, the highest runs first.",
              .most = limits::priority_max,
              .snapshot_tag = 5,
              .summary_tag = 8},
        a.priority);
  visit(field{.name = "tags",
              .tag = 7,
              .help = "Words to find the batch by.",
              .most = limits::tags_max,
              .element_bytes_max = limits::tag_bytes_max,
              .option = "--tag",
              .snapshot_tag = 17,
              .summary_tag = 16},
        a.tags);
  visit(field{.name = "start",
              .tag = 8,
              .help = "What starts the batch.",
              .option = no_option,
              .snapshot_tag = 18,
              .summary_tag = 19},
        a.start);
  visit(field{.name = "keep_open",
              .tag = 5,
              .help = "Take files also after the start, until the batch is sealed.",
              .option = no_option,
              .snapshot_tag = 4,
              .summary_tag = 14},
        a.keep_open);
  visit(field{.name = "max_failed",
              .tag = 6,
              .help = "End the batch when more files than this have failed; 0: never.",
              .most = limits::files_per_batch_max,
              .snapshot_tag = 6,
              .summary_tag = 15},
        a.max_failed);
  visit(field{.name = "slots_max",
              .tag = 32,
              .help = "Maximum number of its files that run at once; 0: no limit of its own.",
              .most = limits::batch_slots_max},
        a.slots_max);
  visit(field{.name = "requires",
              .tag = 33,
              .help = "Files that must be there before it starts.",
              .most = limits::companions_max,
              .option = no_option},
        a.required);
}

} // namespace darkroom::domain
