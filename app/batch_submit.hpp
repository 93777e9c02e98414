// `darkroom batch submit`: makes a batch on a server, uploads files to it and starts it.
#pragma once

#include "app/batch_options.hpp"
#include "app/http_client.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace darkroom::app {

// A row of a manifest.
struct manifest_entry {
  std::string path, sha256;
  std::uint64_t bytes = 0;
};

// The manifests that these entries are sent in, as JSON: each within the server's limits on files
// and bytes.
std::vector<std::string> make_manifests(std::span<const manifest_entry> entries);

// Returns the process's exit code.
int submit_batch(const server_account& account, batch_options& options);

} // namespace darkroom::app
