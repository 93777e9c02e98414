// Files that a batch must have before it starts: a RAW with its JPEG, an original with its sidecar.
#pragma once

#include "domain/field.hpp"
#include "domain/limits.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::domain {

struct companion {
  std::string role;    // its name for people: "raw", "sidecar"
  std::string pattern; // of paths: `*` any characters, `?` one; upper and lower case are the same
  std::uint32_t count = 1; // at least this many files
  bool operator==(const companion&) const = default;
};

template<maybe_const<companion> Companion>
void for_each_field(Companion& c, auto&& visit) {
  visit(field{.name = "role",
              .tag = 1,
              .help = "What the files are, for people.",
              .least = 1,
              .most = limits::companion_role_bytes_max},
        c.role);
  visit(field{.name = "pattern",
              .tag = 2,
              .help = "Pattern of their paths: * stands for any characters, ? for one; upper and "
                      "lower case are the same.",
              .least = 1,
              .most = limits::companion_pattern_bytes_max},
        c.pattern);
  visit(field{.name = "count",
              .tag = 3,
              .help = "Number of files at least.",
              .least = 1,
              .most = limits::files_per_batch_max},
        c.count);
}

bool matches(const companion& wanted, std::string_view path);

// What is missing, as a sentence; empty when nothing is. `present`: by companion, how many files
// match.
std::string missing_companions(std::span<const companion> required,
                               std::span<const std::uint32_t> present);

} // namespace darkroom::domain
