// Tickets: what a browser shows to open a feed, where it cannot send headers. Each opens one, once,
// within half a minute, in the name of who asked for it.
#pragma once

#include "http/identity.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace darkroom::http {

class ticket_office {
public:
  // Nothing when this user has too many that were not used.
  std::optional<std::string> issue(const identity& who, std::int64_t now_us);
  // Who it was made for; nothing when there is none of this name (any more).
  std::optional<identity> redeem(const std::string& ticket, std::int64_t now_us);

private:
  struct entry {
    identity who;
    std::int64_t ends_us = 0;
  };
  void drop_old(std::int64_t now_us);
  std::mutex mutex_;
  std::map<std::string, entry> tickets_;
};

} // namespace darkroom::http
