// Whether the data of a server are whole: the journal against itself, the blobs against the
// journal, and every blob against its name.
#pragma once

#include "persistence/digest.hpp"
#include "persistence/journal_error.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace darkroom::persistence {

class read_view;

struct data_report {
  std::vector<std::string> journal; // what is wrong with it: one sentence each
  std::vector<std::string> files;   // that miss their bytes, or have others: one sentence each
  std::vector<std::string> damaged; // paths of blobs whose content is not what their name says
  std::vector<std::string> strays;  // paths in the blob store that nothing refers to
  std::size_t batches = 0, blobs = 0;
  std::uint64_t blob_bytes = 0;
  bool whole() const { return journal.empty() && files.empty() && strays.empty(); }
};

// `blobs`: the store's directory. Nobody may be writing. With `contents`, every blob is read and
// compared with its name; without, only its size is. Memory does not grow with the number of blobs,
// but with that of faults; the directory for temporary files (TMPDIR) takes 40 bytes for each use
// of a blob, when there are many.
journal_result<data_report> check_data(const read_view& journal, const std::string& blobs,
                                       bool contents);

} // namespace darkroom::persistence
