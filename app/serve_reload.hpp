// Reading the settings again while the server runs.
#pragma once

#include "app/settings_options.hpp"
#include "config/settings.hpp"

namespace darkroom::http {
class server;
}

namespace darkroom::app {

// Reads them from where they came from, takes what can change while the server runs
// (`config::is_reloadable`), reads the certificate and opens the log file again, and logs what was
// taken and what needs a restart. A fault in any of it changes nothing, and is logged. `running`:
// as they were read last, with what was taken.
void reload_settings(const settings_options& options, config::settings& running,
                     http::server& edge);

} // namespace darkroom::app
