// `darkroom batch`: batches on a server, over its own interface.
#include "app/batch_submit.hpp"
#include "app/batch_watch.hpp"
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/file_digest.hpp"
#include "app/http_client.hpp"
#include "app/limits.hpp"
#include "app/server_answers.hpp"
#include "app/text.hpp"
#include "base/result.hpp"
#include "http/file_path.hpp"
#include "persistence/files.hpp"

#include <boost/json.hpp>

#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <thread>

namespace darkroom::app {

namespace {

namespace json = boost::json;

int list(http_client& client, const batch_options& o) {
  std::string query = "?limit=1000";
  if (!o.state.empty()) query += "&state=" + url_path(o.state);
  if (!o.tag.empty()) query += "&tag=" + url_path(o.tag);
  for (std::string cursor;;) {
    const auto reply =
        client.send("GET", "/v1/batches" + query + (cursor.empty() ? "" : "&cursor=" + cursor));
    if (reply.status != 200) return fail_with(reply);
    const auto page = json::parse(reply.body);
    for (const auto& batch : page.at("batches").as_array()) {
      if (o.json) {
        std::printf("%s\n", json::serialize(batch).c_str());
        continue;
      }
      const auto totals = totals_of(batch);
      auto state = text_of(batch, "state");
      if (const auto reason = text_of(batch, "waiting_for"); !reason.empty())
        state += " (" + reason + ')';
      std::printf("%s  %-21s %6u/%u  %s\n", text_of(batch, "id").c_str(), state.c_str(),
                  totals.ended(), totals.files, text_of(batch, "name").c_str());
    }
    cursor = text_of(page, "next_cursor");
    if (cursor.empty()) return exit_all;
  }
}

int command(http_client& client, const batch_options& o, const char* verb, json::object body) {
  const auto reply =
      client.send("POST", batch_path(o.id, "/") + verb, body.empty() ? "" : json::serialize(body));
  if (reply.status != 200 && reply.status != 202) return fail_with(reply);
  const auto batch = json::parse(reply.body);
  std::printf("%s %s\n", o.id.c_str(), text_of(batch, "state").c_str());
  return exit_all;
}

struct fetch_error {
  std::string sentence;
  exit_code code;
  explicit fetch_error(const persistence::file_error& e) : sentence(e.text()), code(exit_of(e)) {}
  explicit fetch_error(const http_reply& r) : sentence(r.problem()), code(exit_of(r)) {}
};

// Fetches into FILE.part, from where an earlier run was cut off, and names it when it is whole.
base::result<void, fetch_error> fetch(http_client& client, const std::string& path,
                                      const std::string& file) {
  const auto part = file + ".part", tag_file = file + ".part.etag";
  for (std::uint32_t tries = 0;; ++tries) {
    std::error_code error;
    auto have = std::filesystem::file_size(part, error);
    if (error) have = 0;
    std::string tag;
    if (std::FILE* in = have == 0 ? nullptr : std::fopen(tag_file.c_str(), "r"); in != nullptr) {
      char text[256] = "";
      if (std::fgets(text, sizeof text, in) != nullptr) tag = text;
      std::fclose(in);
    }
    if (tag.empty()) have = 0;
    const base::unique_fd out{::open(part.c_str(),
                                     O_WRONLY | O_CREAT | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC |
                                         (have == 0 ? O_TRUNC : O_APPEND),
                                     0666)};
    if (!out) return std::unexpected(fetch_error{persistence::last_error("making " + part)});
    http_client::headers headers;
    if (have != 0) {
      headers.push_back("Range: bytes=" + std::to_string(have) + '-');
      headers.push_back("If-Range: " + tag);
    }
    std::optional<persistence::file_error> wrong;
    // What it is has to be known before the first byte: a cut leaves no other time.
    const auto head = client.send("HEAD", path, {}, {});
    if (head.status == 200 && have == 0)
      if (std::FILE* to = std::fopen(tag_file.c_str(), "w"); to != nullptr) {
        std::fputs(head.etag.c_str(), to);
        std::fclose(to);
      }
    bool first = true;
    const auto reply = client.get(path, headers, [&](std::string_view piece) {
      if (std::exchange(first, false) && have != 0 && !client.partial()) {
        if (::ftruncate(out.get(), 0) != 0) return false; // it has changed: from the begin
      }
      const auto ok = persistence::write_all(
          out.get(), {reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size()}, part);
      if (!ok) wrong = ok.error();
      return ok.has_value();
    });
    if (wrong) return std::unexpected(fetch_error{*wrong});
    if (reply.status == 200 || reply.status == 206 || (reply.status == 416 && have != 0)) {
      if (auto ok = persistence::rename_file(part, file, true); !ok)
        return std::unexpected(fetch_error{ok.error()});
      std::filesystem::remove(tag_file, error);
      return {};
    }
    if (reply.status != 0 || tries >= limits::client_tries_max)
      return std::unexpected(fetch_error{reply});
    std::this_thread::sleep_for(std::chrono::milliseconds(limits::client_retry_ms));
  }
}

int download_files(http_client& client, const batch_options& o) {
  const std::string out = o.out.empty() ? "." : o.out;
  std::string lines;
  const auto reply =
      client.get(batch_path(o.id, "/report.ndjson"), {}, [&](std::string_view piece) {
        lines += piece;
        return true;
      });
  if (reply.status != 200) return fail_with(reply);
  std::size_t fetched = 0, kept = 0;
  for (std::size_t at = 0; at < lines.size();) {
    const auto end = lines.find('\n', at);
    const auto row = json::parse(std::string_view(lines).substr(at, end - at));
    at = end + 1;
    const auto* outputs = row.as_object().if_contains("outputs");
    if (outputs == nullptr || text_of(row, "state") != "completed") continue;
    const auto index = std::to_string(number_of(row, "index"));
    for (std::size_t n = 0; n < outputs->as_array().size(); ++n) {
      const auto& output = outputs->as_array()[n];
      const auto name = text_of(output, "path");
      if (auto ok = http::check_file_path(name); !ok) // whatever the server says
        return complain(printable(name) + ": " + ok.error(), exit_usage);
      const auto file = std::filesystem::path(out).append(name).native();
      if (digest_of(file) == text_of(output, "sha256")) {
        kept += 1;
        continue;
      }
      if (auto ok = persistence::make_directories(persistence::parent_of(file)); !ok)
        return complain(ok.error().text(), exit_of(ok.error()));
      const auto path = batch_path(o.id, "/files/") + index + "/outputs/" + std::to_string(n);
      if (auto ok = fetch(client, path, file); !ok)
        return complain(printable(name) + ": " + ok.error().sentence, ok.error().code);
      fetched += 1;
    }
  }
  if (!o.quiet)
    std::fprintf(stderr, "%s fetched, %s there already\n", count_text(fetched, "file").c_str(),
                 count_text(kept, "file").c_str());
  return exit_all;
}

int download_zip(http_client& client, const batch_options& o) {
  const std::string file = o.out.empty() ? o.id + ".zip" : o.out;
  if (auto ok = fetch(client, batch_path(o.id, "/results.zip"), file); !ok)
    return complain(ok.error().sentence, ok.error().code);
  if (!o.quiet) std::fprintf(stderr, "%s\n", file.c_str());
  return exit_all;
}

} // namespace

int run_batch(batch_options& o) {
  const auto account = read_account(o.account.server, o.account.token);
  if (!account) return complain(account.error(), exit_usage);
  http_client client(*account);
  using verb = batch_options::verb;
  switch (o.what) {
  case verb::submit:
    return submit_batch(*account, o);
  case verb::list:
    return list(client, o);
  case verb::get: {
    const auto reply = client.send("GET", batch_path(o.id));
    if (reply.status != 200) return fail_with(reply);
    std::printf("%s\n", reply.body.c_str());
    return exit_all;
  }
  case verb::watch:
    return watch_batch(*account, {o.id, o.quiet, o.json, o.after});
  case verb::pause:
    return command(client, o, "pause", {{"mode", o.interrupt ? "interrupt" : "drain"}});
  case verb::resume:
    return command(client, o, "resume", {});
  case verb::cancel:
    return command(client, o, "cancel", {{"reason", o.reason}});
  case verb::retry: {
    json::object body{{"scope", o.scope}};
    if (!o.reasons.empty()) body["reasons"] = json::array(o.reasons.begin(), o.reasons.end());
    return command(client, o, "retry", std::move(body));
  }
  case verb::download:
    return o.zip ? download_zip(client, o) : download_files(client, o);
  }
  return exit_usage;
}

} // namespace darkroom::app
