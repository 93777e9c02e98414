// Who asks: a bearer token, or the header of a proxy that is trusted.
#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"
#include "http/message.hpp"
#include "persistence/access_records.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace darkroom::persistence {
class read_view;
}

namespace darkroom::http {

struct identity {
  std::string user;
  persistence::role role = persistence::role::user;
  std::string token;           // its id; empty: the proxy said who it is
  std::int64_t expires_us = 0; // 0: never
  bool is_admin() const { return role == persistence::role::admin; }
};

// A new token: what is kept, and what is shown once.
struct new_token {
  persistence::token_record record;
  std::string text; // dr_<id>_<secret>
};
new_token make_token(const std::string& user, persistence::role role, std::int64_t now_us,
                     std::int64_t expires_us, const std::string& note);

// Whether a name can be a user's: 1 to 128 visible characters, no quotes; not "*".
bool is_user_name(std::string_view name);

// A network as 10.0.0.0/8 or 2001:db8::/32; whether an address is in it. Nothing: it is none.
std::optional<bool> in_network(const std::string& network, const std::string& address);
// What limits by address count as one client: an IPv4 address, also one mapped to IPv6; of IPv6 the
// /64, which is the least that a site gets (RFC 6177), and all of which one machine can use.
std::string client_network(const std::string& address);

class identity_store {
public:
  explicit identity_store(config::auth_settings settings) : settings_(std::move(settings)) {}

  // Takes all tokens from the journal; later ones are told.
  void load(std::vector<persistence::token_record> tokens);
  void put(const persistence::token_record& token);
  std::optional<persistence::token_record> find(const std::string& id) const;
  std::vector<persistence::token_record> all() const;

  // Whether a user is an admin: one of the proxy, or the holder of a token of that role.
  bool is_admin(std::string_view user, std::int64_t now_us) const;

  // Who sends this request; the problem is `unauthorized`.
  base::result<identity, problem> authenticate(const request& rq, std::int64_t now_us) const;
  // The same for a token that came in another way than by header.
  base::result<identity, problem> authenticate_token(std::string_view text,
                                                     std::int64_t now_us) const;
  // Whether its token, if it has one, was not revoked meanwhile.
  bool usable(const identity& who) const;
  // Notes that the token was used; what to keep of it, if its last use was long ago.
  std::optional<persistence::token_use> touch(const std::string& id, std::int64_t now_us);

private:
  std::optional<identity> from_proxy(const request& rq) const;
  void find_admins();

  config::auth_settings settings_;
  mutable std::mutex mutex_;
  std::map<std::string, persistence::token_record, std::less<>> tokens_;
  // Until when the tokens of admins are of use, by user; made from the tokens when they change.
  std::map<std::string, std::int64_t, std::less<>> admins_;
};

} // namespace darkroom::http
