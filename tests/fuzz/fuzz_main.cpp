// What libFuzzer drives: the target that the environment names.
#include "targets.hpp"

#include <cstdio>
#include <cstdlib>

namespace {

const darkroom::tests::fuzz_target& chosen() {
  const char* name = std::getenv("FUZZ_TARGET");
  for (const auto& target : darkroom::tests::fuzz_targets())
    if (name != nullptr && target.name == name) return target;
  std::fprintf(stderr, "FUZZ_TARGET is one of:");
  for (const auto& target : darkroom::tests::fuzz_targets())
    std::fprintf(stderr, " %.*s", static_cast<int>(target.name.size()), target.name.data());
  std::fprintf(stderr, "\n");
  std::exit(1);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto& target = chosen();
  target.run({data, size});
  return 0;
}
