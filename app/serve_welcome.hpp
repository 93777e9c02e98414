// What a server prints when it starts, and the first token.
#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"
#include "persistence/access_records.hpp"

#include <string>
#include <vector>

namespace darkroom::actors {
class orchestra;
}
namespace darkroom::http {
class identity_store;
}

namespace darkroom::app {

// Makes a token for an admin when there is no token at all and no proxy names users: without one,
// no others could be made. Empty: there is no need. The error is a sentence.
base::result<std::string, std::string> first_token(actors::orchestra& actors,
                                                   http::identity_store& identities,
                                                   const config::auth_settings& auth);

// `token`: the first one, or empty.
void say_welcome(const config::settings& s, const std::string& url, const std::string& token);

// When no admin has ever used a token, as if the first one had been lost: how to make another.
void say_how_to_get_in(const config::settings& s,
                       const std::vector<persistence::token_record>& tokens);

} // namespace darkroom::app
