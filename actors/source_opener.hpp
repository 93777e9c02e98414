// The seam to the bytes of a file: in place, or in the blob store, or on its way from a server.
#pragma once

#include "base/unique_fd.hpp"
#include "codecs/codec_error.hpp"
#include "domain/events.hpp"

#include <functional>

namespace darkroom::actors {

// Opens the bytes of a file, and makes sure that they are still those that were added.
// `whole`: the content is about to be converted, and is compared with what it is named by, if it
// is.
using source_opener =
    std::function<codecs::result<base::unique_fd>(const domain::file_entry& file, bool whole)>;

} // namespace darkroom::actors
