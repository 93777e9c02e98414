#include "http/identity.hpp"

#include "base/result.hpp"
#include "http/limits.hpp"
#include "http/request_id.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <openssl/crypto.h>

namespace darkroom::http {

namespace {

namespace ip = boost::asio::ip;
using persistence::role;
using persistence::token_record;

constexpr std::string_view token_prefix = "dr_";
constexpr std::size_t token_id_bytes = 8, token_secret_bytes = 32;

persistence::digest hash_of(std::string_view secret) {
  persistence::sha256 sum;
  sum.add({reinterpret_cast<const std::uint8_t*>(secret.data()), secret.size()});
  return sum.finish();
}

bool same(const persistence::digest& a, const persistence::digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// Of a socket that takes both protocols, IPv4 addresses come as ::ffff:10.0.0.1.
ip::address unmapped(const ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

std::unexpected<problem> unauthorized(std::string_view detail) {
  return std::unexpected(problem{problem_code::unauthorized, std::string{detail}});
}

} // namespace

new_token make_token(const std::string& user, role role, std::int64_t now_us,
                     std::int64_t expires_us, const std::string& note) {
  new_token made;
  const auto secret = random_hex(token_secret_bytes);
  made.record.id = random_hex(token_id_bytes);
  made.record.user = user;
  made.record.role = role;
  made.record.secret_sha256 = hash_of(secret);
  made.record.created_us = now_us;
  made.record.expires_us = expires_us;
  made.record.note = note;
  made.text = std::string{token_prefix} + made.record.id + '_' + secret;
  return made;
}

bool is_user_name(std::string_view name) {
  // An asterisk is everybody.
  return !name.empty() && name != "*" && name.size() <= limits::user_bytes_max &&
         std::ranges::all_of(name,
                             [](unsigned char c) { return c > ' ' && c != 0x7f && c != '"'; });
}

std::optional<bool> in_network(const std::string& network, const std::string& address) {
  boost::system::error_code error;
  const auto who = unmapped(ip::make_address(address, error));
  if (error) return false;
  const auto text = network.find('/') == std::string::npos
                        ? network + (network.find(':') == std::string::npos ? "/32" : "/128")
                        : network;
  if (const auto v4 = ip::make_network_v4(text, error); !error)
    return who.is_v4() &&
           ip::network_v4(who.to_v4(), v4.prefix_length()).canonical() == v4.canonical();
  if (const auto v6 = ip::make_network_v6(text, error); !error)
    return who.is_v6() &&
           ip::network_v6(who.to_v6(), v6.prefix_length()).canonical() == v6.canonical();
  return std::nullopt;
}

std::string client_network(const std::string& address) {
  boost::system::error_code error;
  const auto who = unmapped(ip::make_address(address, error));
  if (error) return address;
  if (who.is_v4()) return who.to_string();
  return ip::network_v6(who.to_v6(), 64).canonical().to_string();
}

void identity_store::load(std::vector<token_record> tokens) {
  const std::lock_guard lock(mutex_);
  for (auto& token : tokens) {
    const auto id = token.id;
    tokens_[id] = std::move(token);
  }
  find_admins();
}

void identity_store::put(const token_record& token) {
  const std::lock_guard lock(mutex_);
  tokens_[token.id] = token;
  find_admins();
}

void identity_store::find_admins() {
  admins_.clear();
  for (const auto& [id, token] : tokens_) {
    if (token.role != role::admin || token.revoked_us != 0) continue;
    auto& until = admins_[token.user];
    until = std::max(until, token.expires_us == 0 ? INT64_MAX : token.expires_us);
  }
}

bool identity_store::is_admin(std::string_view user, std::int64_t now_us) const {
  if (!settings_.proxy_header.empty() &&
      std::ranges::find(settings_.admins, user) != settings_.admins.end())
    return true;
  const std::lock_guard lock(mutex_);
  const auto at = admins_.find(user);
  return at != admins_.end() && at->second > now_us;
}

std::optional<token_record> identity_store::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto at = tokens_.find(id);
  return at == tokens_.end() ? std::nullopt : std::optional{at->second};
}

std::vector<token_record> identity_store::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<token_record> list;
  list.reserve(tokens_.size());
  for (const auto& [id, token] : tokens_)
    list.push_back(token);
  return list;
}

std::optional<identity> identity_store::from_proxy(const request& rq) const {
  if (settings_.proxy_header.empty()) return std::nullopt;
  const auto trusted = std::ranges::any_of(settings_.trusted_proxies, [&](const auto& network) {
    return in_network(network, rq.address).value_or(false);
  });
  // From anybody else the header says nothing.
  const auto user = trusted ? rq.header(settings_.proxy_header) : std::string_view{};
  if (!is_user_name(user)) return std::nullopt;
  const bool admin = std::ranges::find(settings_.admins, user) != settings_.admins.end();
  return identity{std::string{user}, admin ? role::admin : role::user, {}, 0};
}

base::result<identity, problem> identity_store::authenticate(const request& rq,
                                                             std::int64_t now_us) const {
  // Several of them: which one a proxy looked at is not known.
  if (rq.count("Authorization") > 1 ||
      (!settings_.proxy_header.empty() && rq.count(settings_.proxy_header) > 1))
    return unauthorized("Who asks is told twice.");
  const auto authorization = rq.header("Authorization");
  if (authorization.empty()) {
    if (auto known = from_proxy(rq)) return *known;
    return unauthorized("There is no Authorization header.");
  }
  constexpr std::string_view scheme = "Bearer ";
  const bool bearer = authorization.size() > scheme.size() &&
                      same_word(authorization.substr(0, scheme.size()), scheme);
  return authenticate_token(bearer ? authorization.substr(scheme.size()) : std::string_view{},
                            now_us);
}

base::result<identity, problem> identity_store::authenticate_token(std::string_view text,
                                                                   std::int64_t now_us) const {
  constexpr std::size_t id_digits = 2 * token_id_bytes;
  const std::size_t size = token_prefix.size() + id_digits + 1 + 2 * token_secret_bytes;
  if (text.size() != size || !text.starts_with(token_prefix) ||
      text[token_prefix.size() + id_digits] != '_')
    return unauthorized("That is no token of Darkroom.");
  const auto given = hash_of(text.substr(token_prefix.size() + id_digits + 1));
  const std::lock_guard lock(mutex_);
  const auto at = tokens_.find(text.substr(token_prefix.size(), id_digits));
  // One sentence for all of these: which of them it is, is nobody's business.
  if (at == tokens_.end() || !same(at->second.secret_sha256, given) || at->second.revoked_us != 0 ||
      (at->second.expires_us != 0 && at->second.expires_us <= now_us))
    return unauthorized("The token is unknown, revoked or expired.");
  return identity{at->second.user, at->second.role, at->second.id, at->second.expires_us};
}

bool identity_store::usable(const identity& who) const {
  if (who.token.empty()) return true;
  const auto token = find(who.token);
  return token && token->revoked_us == 0;
}

std::optional<persistence::token_use> identity_store::touch(const std::string& id,
                                                            std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  const auto at = tokens_.find(id);
  constexpr std::int64_t precision_us = std::int64_t{limits::token_touch_s} * 1'000'000;
  if (at == tokens_.end() || now_us - at->second.last_used_us < precision_us) return std::nullopt;
  at->second.last_used_us = now_us;
  return persistence::token_use{id, now_us};
}

} // namespace darkroom::http
