// Everything that reads bytes of strangers, as functions of those bytes. libFuzzer drives them
// (scripts/fuzz), and an ordinary test goes through their seeds.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace darkroom::tests {

struct fuzz_target {
  std::string_view name;
  void (*run)(std::span<const std::uint8_t> bytes);
  bool takes_images = false; // the shared corpus is seeds as well
};

const std::vector<fuzz_target>& fuzz_targets();

} // namespace darkroom::tests
