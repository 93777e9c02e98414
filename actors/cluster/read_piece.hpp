// One piece of a transfer, from a file.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <unistd.h>

namespace darkroom::actors {

// Fewer bytes at the end of the file; none after it, or when it cannot be read.
inline std::string read_piece(int file, std::uint64_t offset, std::uint32_t bytes) {
  std::string content(bytes, '\0');
  std::size_t done = 0;
  while (done < content.size()) {
    const auto n = ::pread(file, content.data() + done, content.size() - done,
                           static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  content.resize(done);
  return content;
}

} // namespace darkroom::actors
