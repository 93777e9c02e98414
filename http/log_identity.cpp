#include "http/log_identity.hpp"

#include "base/encoding.hpp"

#include <array>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace darkroom::http {

std::string log_identity::of(std::string_view user) const {
  if (user.empty()) return "-";
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned size = 0;
  ::HMAC(::EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
         reinterpret_cast<const unsigned char*>(user.data()), user.size(), sum.data(), &size);
  constexpr std::size_t shown = 8;
  return base::to_hex(std::span(sum).first<shown>());
}

} // namespace darkroom::http
