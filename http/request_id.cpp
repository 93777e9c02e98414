#include "http/request_id.hpp"

#include "config/limits.hpp"

#include <algorithm>
#include <cctype>
#include <openssl/rand.h>
#include <stdexcept>
#include <vector>

namespace darkroom::http {

std::string random_hex(std::size_t bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::vector<unsigned char> random(bytes);
  if (RAND_bytes(random.data(), static_cast<int>(bytes)) != 1)
    throw std::runtime_error("the system has no random numbers");
  std::string text;
  for (const auto byte : random) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
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
