// One visitor made of a lambda for each alternative of a variant.
#pragma once

namespace darkroom::base {

template<class... Functions>
struct overloaded : Functions... {
  using Functions::operator()...;
};

} // namespace darkroom::base
