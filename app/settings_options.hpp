// Where the settings of a command come from: flags, environment, file, defaults.
#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace darkroom::app {

struct settings_options {
  std::string file;                // --config
  std::vector<std::string> values; // --set KEY=VALUE
  std::string listen, data;        // --listen, --data
  bool open = false;               // the page, in a browser
  bool insecure_no_tls = false;    // --insecure-no-tls
};

// `--config` and `--set`, and those that only a server has.
void declare(CLI::App& command, settings_options& options);
void declare_server(CLI::App& command, settings_options& options);

// The error is a sentence with the key in it.
base::result<config::settings, std::string> read_settings(const settings_options& options);

} // namespace darkroom::app
