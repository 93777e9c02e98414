// Names users in the log without saying who they are.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace darkroom::http {

// A keyed hash (HMAC-SHA-256, RFC 2104): the lines of one user are found by it, and without the key
// names cannot be tried against it.
class log_identity {
public:
  // `key`: secret, and the same after a restart.
  explicit log_identity(std::string key) : key_(std::move(key)) {}
  // 16 hexadecimal digits; "-" for no user.
  std::string of(std::string_view user) const;

private:
  std::string key_;
};

} // namespace darkroom::http
