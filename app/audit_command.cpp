// `darkroom audit`: who did what, from the running server, or in the folder of one.
#include "app/commands.hpp"
#include "app/data_directory.hpp"
#include "app/exit_code.hpp"
#include "app/http_client.hpp"
#include "app/server_answers.hpp"
#include "app/text.hpp"
#include "http/views.hpp"
#include "persistence/read_view.hpp"

#include <boost/json.hpp>

#include <cstdio>

namespace darkroom::app {

namespace {

namespace json = boost::json;

void print(std::string_view line, bool as_json) {
  if (as_json) {
    std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
    return;
  }
  const auto entry = json::parse(line);
  const auto text = [&](const char* name) { return printable(text_of(entry, name)); };
  std::string about = text("batch");
  if (!text("owner").empty() && text("owner") != text("user")) about += " of " + text("owner");
  if (!text("subject").empty()) about += (about.empty() ? "" : " ") + text("subject");
  std::printf("%s %llu %s %s (%s) %s %s\n", text("ts").c_str(),
              static_cast<unsigned long long>(number_of(entry, "seq")), text("user").c_str(),
              text("action").c_str(), text("outcome").c_str(), text("address").c_str(),
              about.c_str());
}

int run_in(const std::string& data, const audit_options& o) {
  const auto journal = persistence::read_view::open(server_journal(absolute_path(data)));
  if (!journal) return complain(journal.error().detail, exit_usage);
  persistence::audit_filter filter{o.user, o.action, {}};
  if (!o.batch.empty()) {
    filter.batch = domain::parse_batch_id(o.batch);
    if (!filter.batch) return complain("--batch is the id of a batch", exit_usage);
  }
  const auto ok = (*journal)->each_audit(o.after, [&](persistence::audit_entry&& e) {
    if (filter.fits(e)) print(http::audit_json(e), o.json);
    return true;
  });
  return ok ? exit_all : complain(ok.error().detail, exit_of(ok.error()));
}

int run_remote(const audit_options& o) {
  const auto account = read_account(o.account.server, o.account.token);
  if (!account) return complain(account.error(), exit_usage);
  http_client client(*account);
  std::string path = "/v1/admin/audit?after=" + std::to_string(o.after);
  for (const auto& [name, value] :
       {std::pair{"user", o.user}, {"action", o.action}, {"batch", o.batch}})
    if (!value.empty()) path += std::string{"&"} + name + "=" + url_path(value);
  std::string rest; // of a line that has not come whole
  const auto reply =
      client.get(path, {"Accept: application/x-ndjson"}, [&](std::string_view piece) {
        rest += piece;
        for (std::size_t end = 0; (end = rest.find('\n')) != std::string::npos;) {
          print(std::string_view(rest).substr(0, end), o.json);
          rest.erase(0, end + 1);
        }
        return true;
      });
  return reply.status == 200 ? exit_all : fail_with(reply);
}

} // namespace

int run_audit(const audit_options& o) {
  return o.data.empty() ? run_remote(o) : run_in(o.data, o);
}

} // namespace darkroom::app
