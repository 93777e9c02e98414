// Tickets: what a browser shows where it cannot send headers, in the name of who asked for one. A
// feed's opens one feed, once, within half a minute; a download's opens one path, for half a day,
// so that the browser can resume.
#pragma once

#include "http/identity.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace darkroom::http {

class ticket_office {
public:
  // Nothing when this user has too many that were not used.
  std::optional<std::string> issue(const identity& who, std::int64_t now_us);
  // Who it was made for; nothing when there is none of this name (any more).
  std::optional<identity> redeem(const std::string& ticket, std::int64_t now_us);

  std::string issue_download(const identity& who, std::string path, std::int64_t now_us);
  // Who it was made for, if it is for this path.
  std::optional<identity> look_up(const std::string& ticket, std::string_view path,
                                  std::int64_t now_us);

private:
  struct entry {
    identity who;
    std::int64_t ends_us = 0;
    std::string path; // of a download; empty: for a feed
  };
  void drop_old(std::int64_t now_us);
  std::mutex mutex_;
  std::map<std::string, entry> tickets_;
};

} // namespace darkroom::http
