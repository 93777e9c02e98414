#include "app/file_digest.hpp"

#include "base/unique_fd.hpp"
#include "persistence/digest.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

namespace darkroom::app {

std::optional<std::string> digest_of(const std::string& path) {
  const base::unique_fd in{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  struct stat about{};
  if (!in || ::fstat(in.get(), &about) != 0) return std::nullopt;
  if (!S_ISREG(about.st_mode)) {
    errno = EINVAL;
    return std::nullopt;
  }
  const auto sums = persistence::sums_of(in.get());
  if (!sums) return std::nullopt;
  return persistence::to_hex(sums->sha256);
}

} // namespace darkroom::app
