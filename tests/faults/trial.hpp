// The crash test as tests run it.
#pragma once

#include "app/crash_test/crash_test.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdio>

namespace darkroom::tests {

inline app::crash_test_options trial_options(const scratch& folder, std::uint32_t cycles,
                                             std::uint32_t seed) {
  app::crash_test_options options;
  options.directory = folder.path();
  options.binary = DARKROOM_BINARY;
  options.cycles = cycles;
  options.seed = seed;
  return options;
}

inline app::crash_test_result keeps_its_promise(const app::crash_test_options& options) {
  const auto result = app::run_crash_test(options);
  INFO("seed " << options.seed << "\n" << content_of(options.directory + "/server.log"));
  CHECK(result.complaint == "");
  CHECK(result.cycles == options.cycles);
  std::printf("%s", app::figures_of(result).c_str());
  return result;
}

// For processes whose system calls the tests' library is to meddle with.
inline std::vector<std::string> faulty(const std::string& rules) {
  return {std::string{"LD_PRELOAD="} + DARKROOM_FAULTS_LIBRARY, "FAULTS=" + rules};
}

// The library cannot stand before a sanitizer's own.
inline void skip_under_sanitizers() {
#ifdef DARKROOM_SANITIZED
  SKIP("system calls cannot be met under a sanitizer");
#endif
}

} // namespace darkroom::tests
