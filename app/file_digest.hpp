// What a file holds, as servers name it.
#pragma once

#include <optional>
#include <string>

namespace darkroom::app {

// SHA-256 in hexadecimal digits; nothing, with `errno`, for what cannot be read or is no regular
// file, which is not waited for.
std::optional<std::string> digest_of(const std::string& path);

} // namespace darkroom::app
