// Which paths a file may have. The server refuses any other and never repairs it: the client does.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace darkroom::http {

// The error is a sentence.
base::result<void, std::string> check_file_path(std::string_view path);

// The path that a client gives to a file whose own path may not be: itself if it may. Bytes that
// are no UTF-8 are read as Latin-1, accents are composed, `_` stands for what is refused, and what
// is too long loses the end of its names and then its inner folders. Different paths may become the
// same one.
std::string nearest_file_path(std::string_view path);

// Whether this is UTF-8 in which nothing could be written otherwise: no overlong form, no
// surrogate, in Unicode's normal form C.
bool is_nfc(std::string_view text);

} // namespace darkroom::http
