// Bytes as text: hexadecimal, and percent-encoding for URLs (RFC 3986, section 2.1).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace darkroom::base {

// Lower case, two characters a byte.
std::string to_hex(std::span<const std::uint8_t> bytes);

// All but the unreserved characters of RFC 3986 becomes %XX; characters in `kept` stay as well.
std::string percent_encoded(std::string_view text, std::string_view kept = {});

} // namespace darkroom::base
