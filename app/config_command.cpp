// `darkroom config` and `darkroom health`.
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/http_client.hpp"

#include <cstdio>

namespace darkroom::app {

int run_config_check(const settings_options& options) {
  const auto s = read_settings(options);
  if (!s) return complain(s.error(), exit_usage);
  std::printf("the settings are good\n");
  return exit_all;
}

int run_config_print(const settings_options& options) {
  const auto s = read_settings(options);
  if (!s) return complain(s.error(), exit_usage);
  std::fputs(config::to_toml(*s).c_str(), stdout);
  return exit_all;
}

int run_health(const std::string& url) {
  const auto account = read_account(url, "");
  if (!account) return complain(account.error(), exit_usage);
  http_client client({account->url, ""});
  for (const auto* path : {"/livez", "/readyz"}) {
    const auto reply = client.send("GET", std::string{path} + "?verbose=1");
    if (reply.status == 0) return complain(reply.error, exit_all_failed);
    std::printf("%s %s\n", path, reply.body.c_str());
    if (reply.status != 200) return exit_all_failed;
  }
  return exit_all;
}

} // namespace darkroom::app
