#include "app/serve_reload.hpp"

#include "app/serve_log.hpp"
#include "app/text.hpp"
#include "http/server.hpp"

#include <spdlog/spdlog.h>

namespace darkroom::app {

namespace {

std::string keys_text(const std::vector<std::string_view>& keys) {
  std::string text;
  for (const auto key : keys)
    text += (text.empty() ? "" : ", ") + std::string{key};
  return text;
}

void refuse_reload(const std::string& why) {
  spdlog::error("the settings were read again, and nothing was changed: {}", printable(why));
}

} // namespace

void reload_settings(const settings_options& options, config::settings& running,
                     http::server& edge) {
  const auto wanted = read_settings(options);
  if (!wanted) return refuse_reload(wanted.error());
  auto next = config::reloaded(running, *wanted);
  // The port has TLS or has not: that is decided when it is opened.
  if (next.tls.certificate.empty() != running.tls.certificate.empty()) next.tls = running.tls;
  auto log = open_log_target(next.log);
  if (!log) return refuse_reload(log.error());
  if (auto ok = edge.reload(next); !ok) return refuse_reload(ok.error());
  use_log(std::move(*log), next.log);
  const auto taken = config::differences(running, next);
  const auto waiting = config::differences(next, *wanted);
  running = std::move(next);
  spdlog::info("the settings were read again; changed: {}{}{}",
               taken.empty() ? "none" : keys_text(taken),
               running.tls.certificate.empty() ? "" : "; the certificate was read again",
               running.log.file.empty() ? "" : "; the log file was opened again");
  if (!waiting.empty())
    spdlog::warn("these settings have changed, and need a restart: {}", keys_text(waiting));
}

} // namespace darkroom::app
