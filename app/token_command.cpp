// `darkroom token`: through the running server, or in the folder of one that does not run.
#include "app/commands.hpp"
#include "app/data_directory.hpp"
#include "app/exit_code.hpp"
#include "app/http_client.hpp"
#include "app/server_answers.hpp"
#include "app/text.hpp"
#include "base/clock.hpp"
#include "http/identity.hpp"
#include "http/services.hpp"
#include "persistence/read_view.hpp"

#include <boost/json.hpp>

#include <cstdio>

namespace darkroom::app {

namespace {

namespace json = boost::json;

int show(const std::vector<persistence::token_record>& tokens) {
  for (const auto& t : tokens)
    std::printf("%s  %-16s %-5s %s  %s%s\n", t.id.c_str(), printable(t.user).c_str(),
                std::string{to_string(t.role)}.c_str(), time_text(t.created_us).c_str(),
                t.revoked_us != 0   ? "revoked "
                : t.expires_us != 0 ? ("until " + time_text(t.expires_us) + ' ').c_str()
                                    : "",
                printable(t.note).c_str());
  return exit_all;
}

int keep(persistence::journal_store& journal, const persistence::token_record& token,
         const char* action) {
  persistence::audit_entry entry;
  entry.time_us = base::unix_now_us();
  entry.user = "local";
  entry.role = persistence::role::admin;
  entry.action = action;
  entry.outcome = "ok";
  entry.subject = token.id;
  persistence::append_request request;
  request.records_only = true;
  request.records = {token, entry};
  const auto kept = journal.append({&request, 1}, true);
  return kept ? exit_all
              : complain("the journal cannot be written: " + kept.error().detail,
                         exit_of(kept.error()));
}

// In the folder of a server that does not run.
int run_in(persistence::journal_store& journal, const token_options& o) {
  using enum token_options::verb;
  if (o.what == list) {
    const auto tokens = journal.view()->tokens();
    return tokens ? show(*tokens) : complain(tokens.error().detail, exit_of(tokens.error()));
  }
  if (o.what == revoke) {
    auto token = journal.view()->token(o.id);
    if (!token) return complain(token.error().detail, exit_of(token.error()));
    if (!*token) return complain("there is no token " + o.id, exit_usage);
    if ((*token)->revoked_us == 0) (*token)->revoked_us = base::unix_now_us();
    return keep(journal, **token, "token.revoke");
  }
  const auto role = base::parse_enum<persistence::role>(o.role);
  if (!role) return complain("--role is user or admin", exit_usage);
  if (!http::is_user_name(o.user))
    return complain("--user is a name of visible characters, without blanks and quotes",
                    exit_usage);
  const auto now = base::unix_now_us();
  const auto expires = o.expires_in_days == 0 ? 0
                                              : now + static_cast<std::int64_t>(o.expires_in_days) *
                                                          24 * 3'600 * 1'000'000;
  const auto made = http::make_token(o.user, *role, now, expires, o.note);
  if (const int code = keep(journal, made.record, "token.create"); code != exit_all) return code;
  std::printf("%s\n", made.text.c_str());
  return exit_all;
}

int run_remote(const token_options& o) {
  using enum token_options::verb;
  const auto account = read_account(o.account.server, o.account.token);
  if (!account) return complain(account.error(), exit_usage);
  http_client client(*account);
  if (o.what == revoke) {
    const auto reply = client.send("DELETE", "/v1/admin/tokens/" + url_path(o.id));
    return reply.status == 204 ? exit_all : fail_with(reply);
  }
  if (o.what == create) {
    json::object body{{"user", o.user}, {"role", o.role}, {"note", o.note}};
    if (o.expires_in_days != 0) body["expires_in_s"] = o.expires_in_days * 24 * 3'600;
    const auto reply = client.send("POST", "/v1/admin/tokens", json::serialize(body));
    if (reply.status != 201) return fail_with(reply);
    const auto made = json::parse(reply.body);
    std::printf("%s\n", std::string{made.at("token").as_string()}.c_str());
    return exit_all;
  }
  const auto reply = client.send("GET", "/v1/admin/tokens");
  if (reply.status != 200) return fail_with(reply);
  const auto list_of = json::parse(reply.body);
  for (const auto& token : list_of.at("tokens").as_array()) {
    const auto& t = token.as_object();
    const auto text = [&](const char* name) {
      const auto* value = t.if_contains(name);
      return value == nullptr ? std::string{} : std::string{value->as_string()};
    };
    std::printf("%s  %-16s %-5s %s  %s%s%s\n", text("id").c_str(), text("user").c_str(),
                text("role").c_str(), text("created_at").c_str(),
                t.contains("revoked_at") ? "revoked " : "",
                t.contains("expires_at") ? ("until " + text("expires_at") + ' ').c_str() : "",
                text("note").c_str());
  }
  return exit_all;
}

} // namespace

int run_token(const token_options& o) {
  if (o.settings.data.empty()) return run_remote(o);
  const auto s = read_settings(o.settings);
  if (!s) return complain(s.error(), exit_usage);
  auto journal = open_data(s->data.dir);
  if (!journal && journal.error().locked)
    return complain(journal.error().sentence + ": leave --data out, and the server is asked",
                    exit_usage);
  if (!journal) return complain(journal.error().sentence, journal.error().code);
  return run_in(**journal, o);
}

} // namespace darkroom::app
