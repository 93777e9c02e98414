#include "http/request_id.hpp"

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "http/limits.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace darkroom::http {

std::string random_hex(std::size_t bytes) {
  std::vector<std::uint8_t> random(bytes);
  base::fill_random(random);
  return base::to_hex(random);
}

std::string request_id(std::string_view from_client) {
  const auto sane = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  };
  if (!from_client.empty() && from_client.size() <= limits::request_id_bytes_max &&
      std::ranges::all_of(from_client, sane))
    return std::string{from_client};
  return random_hex(12);
}

} // namespace darkroom::http
