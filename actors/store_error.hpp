// What a file sees of an error of the disk that it is on.
#pragma once

#include "codecs/codec_error.hpp"
#include "persistence/files.hpp"

namespace darkroom::actors {

inline codecs::codec_error store_error(const persistence::file_error& error) {
  return {error.disk_full() ? domain::failure_reason::disk_full : domain::failure_reason::io_error,
          error.text()};
}

} // namespace darkroom::actors
