#include "persistence/unsynced_files.hpp"

#include <map>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace darkroom::persistence {

file_result<unsynced_file> unsynced_files::keep(base::unique_fd file, const std::string& path) {
  const std::shared_ptr<const void> place{(open_->fetch_add(1), open_.get()),
                                          [open = open_](const void*) { open->fetch_sub(1); }};
  if (*open_ <= limits::unsynced_files_max) {
    const auto kept = std::make_shared<std::pair<base::unique_fd, std::shared_ptr<const void>>>(
        std::move(file), place);
    return unsynced_file{kept, &kept->first};
  }
  if (::fsync(file.get()) == 0) return unsynced_file{};
  auto error = last_error("syncing " + path);
  ::unlink(path.c_str());
  return std::unexpected(std::move(error));
}

std::vector<file_result<void>> sync_files(std::span<const unsynced_file> files) {
  std::vector<file_result<void>> results(files.size());
  std::map<dev_t, std::vector<std::size_t>> by_file_system;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!files[i]) continue;
    struct stat about{};
    if (::fstat(files[i]->get(), &about) != 0)
      results[i] = std::unexpected(last_error("looking at a written file"));
    else
      by_file_system[about.st_dev].push_back(i);
  }
  for (const auto& [device, indexes] : by_file_system) {
    // Whose fault it is when that fails, each file tells.
    if (indexes.size() >= limits::syncs_shared_min &&
        sync_file_system(files[indexes.front()]->get()))
      continue;
    for (const auto i : indexes)
      if (::fsync(files[i]->get()) != 0)
        results[i] = std::unexpected(last_error("syncing a written file"));
  }
  return results;
}

} // namespace darkroom::persistence
