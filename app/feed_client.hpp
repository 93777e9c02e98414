// One connection to a server's feed, from the command line, with a deadline on everything.
#pragma once

#include "app/http_client.hpp"
#include "base/result.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace darkroom::app {

class feed_client {
public:
  struct failure {
    bool final = false; // trying again is of no use
    std::string sentence;
  };
  // Connects, changes to the feed's protocol and says the first words.
  static base::result<std::unique_ptr<feed_client>, failure> connect(const server_account& account,
                                                                     const std::string& words);
  virtual ~feed_client() = default;

  // The next message, if one comes within so long. After the end of the connection there is none,
  // and `ended` tells why.
  virtual std::optional<std::string> read(std::chrono::milliseconds most) = 0;
  virtual const std::optional<failure>& ended() const = 0;
};

} // namespace darkroom::app
