// nginx with the configuration that docs/proxies/nginx-password.conf shows, on a port of its own.
// It ends with this object.
#pragma once

#include "tests/support/scratch.hpp"

#include <string>

namespace darkroom::tests {

class nginx {
public:
  // Its files go into `folder`; `upstream` is as http://HOST:PORT. The only user is ann, with the
  // password "secret".
  nginx(const scratch& folder, const std::string& upstream);
  ~nginx();
  nginx(const nginx&) = delete;
  nginx& operator=(const nginx&) = delete;

  std::string address() const; // https://HOST:PORT

private:
  std::string command(const std::string& more) const;
  std::string folder_;
  int port_ = 0;
};

} // namespace darkroom::tests
