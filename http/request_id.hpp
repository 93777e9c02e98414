// Names one request, so that an answer and a line of the log find each other.
#pragma once

#include <string>
#include <string_view>

namespace darkroom::http {

// The client's own, if it is a sane one; else a new one.
std::string request_id(std::string_view from_client);

// So many random bytes from the system, as hexadecimal digits.
std::string random_hex(std::size_t bytes);

} // namespace darkroom::http
