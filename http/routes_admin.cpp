// Tokens, users, and oneself.
#include "base/clock.hpp"
#include "domain/limits.hpp"
#include "domain/text.hpp"
#include "http/limits.hpp"
#include "http/routes.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace darkroom::http {

namespace {

namespace json = boost::json;

// All that quotas count, each beside its limit.
json::object usage_object(const call& c, const std::string& user) {
  const auto now = base::unix_now_us();
  const auto& board = c.s.gateway.actors().usage();
  const auto used = board.of(user);
  const auto most = c.s.quotas.allowed(user);
  const auto today = board.today(user, now);
  return {{"batches", used.batches},
          {"live_batches", used.live_batches},
          {"live_batches_max", most.live_batches},
          {"files_per_batch_max", most.files_per_batch_max},
          {"queued_files", used.queued_files},
          {"queued_files_max", most.queued_files},
          {"stored_bytes", used.stored_bytes},
          {"stored_bytes_max", most.stored_bytes},
          {"uploads", c.s.quotas.reserved(user).uploads},
          {"uploads_max", most.uploads},
          {"megapixels_today", today.pixels / 1'000'000},
          {"megapixels_per_day_max", most.megapixels_per_day},
          {"cpu_s_today", (today.cpu_ms + 500) / 1'000}, // to the nearest second
          {"cpu_s_per_day_max", most.cpu_s_per_day},
          {"day_ends_at", domain::time_text((today.day + 1) * persistence::day_us)}};
}

task<route_result> me(call& c) {
  json::object out{{"user", c.who.user}, {"role", to_string(c.who.role)}};
  if (!c.who.token.empty()) out["token"] = c.who.token;
  co_return json_response(200, json::serialize(out));
}

task<route_result> my_usage(call& c) {
  co_return json_response(200, json::serialize(usage_object(c, c.who.user)));
}

task<route_result> users(call& c) {
  json::array list;
  for (const auto& [name, used] : c.s.gateway.actors().usage().all()) {
    auto row = usage_object(c, name);
    row["user"] = name;
    row["log_id"] = c.s.log_names.of(name);
    list.push_back(std::move(row));
  }
  c.owner = "*";
  co_return json_response(200, json::serialize(json::object{{"users", std::move(list)}}));
}

json::object token_object(const persistence::token_record& token) {
  json::object out{{"id", token.id},
                   {"user", token.user},
                   {"role", to_string(token.role)},
                   {"note", domain::printable(token.note)},
                   {"created_at", domain::time_text(token.created_us)}};
  if (token.expires_us != 0) out["expires_at"] = domain::time_text(token.expires_us);
  if (token.revoked_us != 0) out["revoked_at"] = domain::time_text(token.revoked_us);
  if (token.last_used_us != 0) out["last_used_at"] = domain::time_text(token.last_used_us);
  return out;
}

task<route_result> list_tokens(call& c) {
  json::array list;
  for (const auto& token : c.s.identities.all())
    list.push_back(token_object(token));
  co_return json_response(200, json::serialize(json::object{{"tokens", std::move(list)}}));
}

task<base::result<void, problem>> keep(call& c, const persistence::token_record& token,
                                       unsigned status) {
  c.subject = token.id;
  DARKROOM_CO_CHECK(co_await keep_audited(c, token, status));
  c.s.identities.put(token);
  co_return base::result<void, problem>{};
}

struct token_wish {
  std::string user, note;
  persistence::role role = persistence::role::user;
  std::uint64_t lives_s = 0; // 0: until it is revoked
};

void read_token_wish(object_reader& r, token_wish& wish) {
  r.text("user", wish.user, limits::user_bytes_max);
  if (!is_user_name(wish.user))
    r.wrong("user", problem_code::invalid_value,
            "is a name of visible characters, without blanks and quotes");
  r.one_of("role", wish.role);
  r.number("expires_in_s", wish.lives_s, 1, 10ull * 365 * 24 * 3'600);
  r.text("note", wish.note, limits::name_bytes_max);
}

task<route_result> create_token(call& c) {
  token_wish wish;
  const auto read = [&wish](object_reader& r) { read_token_wish(r, wish); };
  DARKROOM_CO_CHECK(co_await read_members(c, read));
  const auto now = base::unix_now_us();
  const auto all = c.s.identities.all();
  const auto usable = std::ranges::count_if(all, [&](const auto& t) {
    return t.revoked_us == 0 && (t.expires_us == 0 || t.expires_us > now);
  });
  if (static_cast<std::size_t>(usable) >= limits::tokens_max)
    co_return std::unexpected(
        problem{problem_code::quota_exceeded, "There are 10,000 tokens already."});
  const auto expires =
      wish.lives_s == 0 ? 0 : now + static_cast<std::int64_t>(wish.lives_s) * 1'000'000;
  const auto made = make_token(wish.user, wish.role, now, expires, wish.note);
  DARKROOM_CO_CHECK(co_await keep(c, made.record, 201));
  auto out = token_object(made.record);
  out["token"] = made.text;
  auto answer = json_response(201, json::serialize(out));
  answer.with("Cache-Control", "no-store");
  co_return answer;
}

task<route_result> revoke_token(call& c) {
  c.subject = c.param(0);
  auto token = c.s.identities.find(c.param(0));
  if (!token)
    co_return std::unexpected(problem{problem_code::not_found, "There is no such token."});
  if (token->revoked_us == 0) {
    token->revoked_us = base::unix_now_us();
    c.s.identities.put(*token); // of no use from now on, whatever the journal says
    c.s.streams.end_of_token(token->id);
    DARKROOM_CO_CHECK(co_await keep(c, *token, 204));
  }
  response r;
  r.status = 204;
  co_return r;
}

} // namespace

std::vector<route> admin_routes() {
  using enum access;
  return {
      {"GET", "/v1/me", user, "", me},
      {"GET", "/v1/me/usage", user, "", my_usage},
      {"GET", "/v1/admin/users", admin, "", users},
      {"GET", "/v1/admin/tokens", admin, "", list_tokens},
      {"POST", "/v1/admin/tokens", admin, "token.create", create_token},
      {"DELETE", "/v1/admin/tokens/{id}", admin, "token.revoke", revoke_token},
  };
}

} // namespace darkroom::http
