#include "app/settings_options.hpp"

#include "base/result.hpp"
#include "http/server.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <unistd.h>

namespace darkroom::app {

namespace {
constexpr const char* system_file = "/etc/darkroom/darkroom.toml";
}

void declare(CLI::App& command, settings_options& o) {
  command.add_option("--config", o.file,
                     std::string{"Settings (TOML); default "} + system_file + " if it is there");
  command.add_option("--set", o.values, "One setting, as in --set http.threads=4; may be repeated");
}

void declare_server(CLI::App& command, settings_options& o) {
  declare(command, o);
  command.add_option("--listen", o.listen, "Where to listen: HOST:PORT");
  command.add_option("--data", o.data, "Folder of the journal and of all stored files");
  command.add_flag("--insecure-no-tls", o.insecure_no_tls,
                   "Listen beyond this machine without TLS");
}

base::result<config::settings, std::string> read_settings(const settings_options& o) {
  config::settings s;
  std::error_code error;
  const auto file =
      o.file.empty() && std::filesystem::exists(system_file, error) ? system_file : o.file;
  if (!file.empty())
    if (auto ok = config::read_file(s, file); !ok) return std::unexpected(ok.error());
  if (auto ok = config::read_environment(s, ::environ); !ok) return std::unexpected(ok.error());
  for (const auto& value : o.values) {
    const auto equals = value.find('=');
    if (equals == std::string::npos)
      return std::unexpected("--set wants KEY=VALUE, as in --set http.threads=4");
    if (auto ok = config::set(s, value.substr(0, equals), value.substr(equals + 1)); !ok)
      return std::unexpected(ok.error());
  }
  if (!o.listen.empty()) s.http.listen = o.listen;
  if (!o.data.empty()) s.data.dir = o.data;
  if (o.insecure_no_tls) s.http.insecure_no_tls = true;
  if (auto ok = config::check(s); !ok) return std::unexpected(ok.error());
  if (auto ok = http::check_network(s); !ok) return std::unexpected(ok.error());
  return s;
}

} // namespace darkroom::app
