// Whether the folders of a server's data are still those that were opened: a folder that was moved,
// removed, replaced or mounted over keeps its descriptors usable, and what is written through them
// is lost.
#pragma once

#include "persistence/files.hpp"

#include <string>
#include <vector>

namespace darkroom::persistence {

class place_watch {
public:
  // While the journal is open, with its witness.
  static file_result<place_watch> begin(const std::string& data, const std::string& journal,
                                        const std::string& blobs);

  // Which place is not what it was, as a sentence; empty: all are. From any thread.
  std::string fault() const;

private:
  struct place {
    std::string path;
    base::unique_fd opened; // O_PATH
  };
  std::string journal_;
  std::vector<place> places_;
};

} // namespace darkroom::persistence
