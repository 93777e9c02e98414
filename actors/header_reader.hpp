// HEADER READER: reads the headers of many files for somebody who waits for all of them.
#pragma once

#include "actors/interfaces.hpp"

namespace darkroom::actors {

using on_headers = std::function<void(std::vector<codecs::result<codecs::image_info>>)>;

struct header_reader_state {
  static inline const char* name = "header_reader";
  header_reader_state() =
      default; // no aggregate: CAF would initialise the first member with the actor
  std::size_t missing = 0;
  std::vector<codecs::result<codecs::image_info>> found;
  on_headers done;
};

// Calls `done` once, with one result for each file (at least one), and ends.
header_asker_actor::behavior_type
header_reader(header_asker_actor::stateful_pointer<header_reader_state> self, std::string owner,
              std::vector<domain::file_entry> files, codec_pool_actor pool, on_headers done);

} // namespace darkroom::actors
