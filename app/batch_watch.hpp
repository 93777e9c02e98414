// Follows a batch on a server to its end, over its feed; goes on by itself when it is cut off.
#pragma once

#include "app/http_client.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace darkroom::app {

struct watch_options {
  std::string id; // of the batch
  bool quiet = false;
  bool json = false;                       // events on standard output, a line each
  std::optional<std::uint64_t> after;      // with `json`: from the event after this one on
  std::size_t unreadable = 0, skipped = 0; // for the summary: found beside the batch's files
};

// Returns the process's exit code.
int watch_batch(const server_account& account, const watch_options& options);

} // namespace darkroom::app
