// What the commands about other machines are asked to do.
#pragma once

#include "actors/cluster/limits.hpp"
#include "app/batch_options.hpp"
#include "app/settings_options.hpp"
#include "config/limits.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace darkroom::app {

struct cluster_options_asked {
  enum class verb : std::uint8_t {
    init,
    renew,
    issue,
    revoke,
    list,
    nodes,
    cordon,
    uncordon,
    drain
  };
  verb what = verb::list;
  std::string folder = "darkroom-cluster"; // of the authority
  std::vector<std::string> hosts;          // of the server
  std::string name, file;                  // of a node, and where its certificate goes
  int days = limits::certificate_days;
  account_options account; // of an admin
};

struct worker_options_asked {
  std::string join;     // HOST:PORT
  std::string identity; // file
  std::string folder;   // for inputs on their way
  bool only_formats = false;
  std::uint64_t slots = 0;
  std::string memory; // as it was given
  std::uint64_t memory_bytes = limits::memory_budget_default_bytes;
};

void declare(CLI::App& command, cluster_options_asked& options);
void declare(CLI::App& command, worker_options_asked& options);

} // namespace darkroom::app
