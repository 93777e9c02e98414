#include "app/serve_welcome.hpp"

#include "actors/orchestra.hpp"
#include "base/clock.hpp"
#include "codecs/format.hpp"
#include "http/identity.hpp"

#include <algorithm>
#include <cstdio>
#include <future>

namespace darkroom::app {

base::result<std::string, std::string> first_token(actors::orchestra& actors,
                                                   http::identity_store& identities,
                                                   const config::auth_settings& auth) {
  if (!identities.all().empty() || !auth.proxy_header.empty()) return std::string{};
  auto made =
      http::make_token("admin", persistence::role::admin, base::unix_now_us(), 0, "first start");
  std::promise<bool> durable;
  actors.keep({made.record}, [&durable](bool ok) { durable.set_value(ok); });
  if (!durable.get_future().get())
    return std::unexpected("the first token cannot be stored: the journal cannot be written");
  identities.put(made.record);
  return made.text;
}

void say_welcome(const config::settings& s, const std::string& url, const std::string& token) {
  if (!token.empty()) { // first: a script that waits for the line below may read it
    std::printf("%s\n%s/#token=%s\n", token.c_str(), url.c_str(), token.c_str());
    std::fflush(stdout);
  }
  std::fprintf(stderr, "darkroom serves on %s, data in %s\n", url.c_str(), s.data.dir.c_str());
  if (token.empty()) return;
  std::fprintf(
      stderr,
      "\nAbove, on standard output, are the token of the first admin and the address of the page "
      "with it; they are shown only now. Open the page, or go on here:\n\n"
      "  export DARKROOM_SERVER=%s DARKROOM_TOKEN=dr_...\n"
      "  darkroom batch submit PHOTOS/ --to %s --wait\n"
      "  darkroom token create --user ann\n"
      "  curl -H \"Authorization: Bearer $DARKROOM_TOKEN\" $DARKROOM_SERVER/v1/batches\n\n",
      url.c_str(),
      codecs::preview_output().format.c_str()); // not the token itself: this may go to a log
}

void say_how_to_get_in(const config::settings& s,
                       const std::vector<persistence::token_record>& tokens) {
  if (!s.auth.proxy_header.empty()) return;
  const auto now = base::unix_now_us();
  const bool in_use = std::ranges::any_of(tokens, [now](const persistence::token_record& t) {
    return t.role == persistence::role::admin && t.revoked_us == 0 &&
           (t.expires_us == 0 || t.expires_us > now) && t.last_used_us != 0;
  });
  if (in_use) return;
  std::fprintf(stderr,
               "No admin has used a token that is still good. If it is lost, stop the server and "
               "make another one:\n\n"
               "  darkroom token create --user admin --role admin --data %s\n\n",
               s.data.dir.c_str());
}

} // namespace darkroom::app
