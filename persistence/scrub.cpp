#include "persistence/scrub.hpp"

#include "base/encoding.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>

namespace darkroom::persistence {

std::int64_t scrub_schedule::part_at(std::int64_t now_s) const {
  return now_s / std::max<std::int64_t>(period_s_ / folders, 1);
}

unsigned scrub_schedule::folder_of(std::int64_t part) {
  // Odd, so that each period has every folder once; each begins somewhere else.
  constexpr std::int64_t stride = 101;
  return static_cast<unsigned>((part + part / folders * stride) % folders);
}

scrubbed scrub_folder(blob_store& blobs, unsigned folder,
                      const std::function<bool(std::uint64_t bytes)>& go_on) {
  scrubbed done;
  const std::uint8_t number[] = {static_cast<std::uint8_t>(folder)};
  const auto hex = base::to_hex(number);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(blobs.root() + '/' + hex, error)) {
    const auto name = parse_hex(hex + entry.path().filename().string());
    if (!name) continue;
    const auto file = blobs.open_blob(*name);
    struct stat about{};
    if (!file || ::fstat(file->get(), &about) != 0) continue;
    const auto content = blobs.check_content(*name, file->get(), false);
    if (!content) continue;
    // Nobody has asked for it: it shall not push out of the page cache what is used.
    ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_DONTNEED);
    done.blobs += 1;
    done.damaged += *content == blob_store::content_state::damaged;
    done.bytes += static_cast<std::uint64_t>(about.st_size);
    if (!go_on(static_cast<std::uint64_t>(about.st_size))) break;
  }
  return done;
}

} // namespace darkroom::persistence
