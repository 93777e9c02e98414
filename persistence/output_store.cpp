#include "persistence/output_store.hpp"

namespace darkroom::persistence {

std::vector<file_result<void>> sync_contents(std::span<const staged_output> staged) {
  std::vector<int> files;
  files.reserve(staged.size());
  for (const auto& output : staged)
    files.push_back(output.unsynced ? output.unsynced->get() : -1);
  return sync_files(files);
}

} // namespace darkroom::persistence
