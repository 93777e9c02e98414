#include "base/random.hpp"

#include <cerrno>
#include <system_error>

#include <sys/random.h>

namespace darkroom::base {

void fill_random(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const auto n = ::getrandom(bytes.data(), bytes.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::system_error(errno, std::generic_category(), "getrandom");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

} // namespace darkroom::base
