// One zygote for all tests of a program: it must be started before there are threads, and never
// ends.
#pragma once

#include "codecs/host/zygote.hpp"

#include <catch2/catch_test_macros.hpp>

namespace darkroom::tests {

inline codecs::host::zygote& hosts() {
  static codecs::host::zygote* const one = [] {
    auto started = codecs::host::zygote::start();
    REQUIRE(started);
    return *started;
  }();
  return *one;
}

} // namespace darkroom::tests
