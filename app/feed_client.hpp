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
  ~feed_client();
  feed_client(const feed_client&) = delete;
  feed_client& operator=(const feed_client&) = delete;

  // The next message, if one comes within so long. After the end of the connection there is none,
  // and `ended` tells why.
  std::optional<std::string> read(std::chrono::milliseconds most);
  const std::optional<failure>& ended() const;

private:
  struct parts;
  explicit feed_client(std::unique_ptr<parts> connected);
  std::unique_ptr<parts> parts_;
};

} // namespace darkroom::app
