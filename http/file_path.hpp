// Which paths a file may have. A path that is not so is refused, never repaired.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace darkroom::http {

// The error is a sentence.
base::result<void, std::string> check_file_path(std::string_view path);

// Whether this is UTF-8 in which nothing could be written otherwise: no overlong form, no
// surrogate, in Unicode's normal form C.
bool is_nfc(std::string_view text);

} // namespace darkroom::http
