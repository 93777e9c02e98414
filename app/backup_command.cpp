// `darkroom backup` and `darkroom restore`.
#include "app/commands.hpp"
#include "app/data_directory.hpp"
#include "app/exit_code.hpp"
#include "app/http_client.hpp"
#include "app/limits.hpp"
#include "app/server_answers.hpp"
#include "app/text.hpp"
#include "persistence/backup.hpp"
#include "persistence/read_view.hpp"

#include <CLI/CLI.hpp>

#include <boost/json.hpp>
#include <cstdio>
#include <thread>

namespace darkroom::app {

namespace {

int show(const persistence::copy_progress& done, const std::string& what) {
  std::printf("%s: %s, %s of them copied", what.c_str(), count_text(done.blobs, "blob").c_str(),
              size_text(done.bytes_copied).c_str());
  if (done.verified != 0) std::printf(", %zu that were there verified", done.verified);
  if (done.replaced != 0) std::printf(", %zu that were damaged replaced", done.replaced);
  std::printf("\n");
  return exit_all;
}

int back_up_stopped(const std::string& data, const std::string& folder, bool verify_all) {
  const auto journal = open_data(data);
  if (!journal) {
    const auto hint = journal.error().locked ? "; leave --data out to ask it for a backup" : "";
    return complain(journal.error().sentence + hint, journal.error().code);
  }
  const auto done = persistence::back_up((*journal)->view(), server_blobs(data), folder, verify_all,
                                         [](const persistence::copy_progress&) {});
  return done ? show(*done, folder) : complain(done.error(), exit_usage);
}

int ask_server(const account_options& account_asked, const std::string& folder, bool verify_all) {
  const auto account = read_account(account_asked.server, account_asked.token);
  if (!account) return complain(account.error(), exit_usage);
  http_client client(*account);
  const boost::json::object wish{{"directory", folder}, {"verify", verify_all}};
  auto reply = client.send("POST", "/v1/admin/backup", boost::json::serialize(wish));
  if (reply.status != 202) return fail_with(reply);
  const auto begun = text_of(parsed(reply.body), "started_at");
  while (true) {
    reply = client.send("GET", "/v1/admin/backup");
    const bool busy = reply.status == 429 || reply.status == 503;
    if (reply.status != 200 && !busy) return fail_with(reply);
    const auto now = parsed(reply.body);
    if (!busy && text_of(now, "started_at") != begun)
      return complain("the server was started again, or another backup was; this one is not whole",
                      exit_temporary);
    const auto state = text_of(now, "state");
    if (state == "failed") return complain(text_of(now, "error"), exit_usage);
    if (state == "done")
      return show({number_of(now, "blobs"), number_of(now, "blobs_done"),
                   number_of(now, "bytes_copied"), number_of(now, "blobs_verified"),
                   number_of(now, "blobs_replaced")},
                  folder);
    std::this_thread::sleep_for(std::chrono::milliseconds(limits::backup_poll_ms));
  }
}

} // namespace

void declare(CLI::App& command, backup_options& options) {
  command.add_option("FOLDER", options.folder, "Of the backup: new, or an earlier backup")
      ->required();
  command.add_option("--data", options.data,
                     "Of a server that does not run; without it, the running one is asked");
  command.add_flag("--verify", options.verify,
                   "Read all blobs that the backup has already, not only a part of them");
  declare(command, options.account);
}

void declare(CLI::App& command, restore_options& options) {
  command.add_option("FOLDER", options.folder, "A backup")->required();
  command.add_option("--data", options.data, "Where the data go; there are none yet")->required();
}

int run_backup(const backup_options& options) {
  const auto folder = absolute_path(options.folder);
  if (auto ok = persistence::prepare_backup(folder); !ok) return complain(ok.error(), exit_usage);
  return options.data.empty()
             ? ask_server(options.account, folder, options.verify)
             : back_up_stopped(absolute_path(options.data), folder, options.verify);
}

int run_restore(const restore_options& options) {
  const auto data = absolute_path(options.data);
  if (auto ok = make_data_folder(data); !ok) return complain(ok.error(), exit_usage);
  const auto done =
      persistence::restore(absolute_path(options.folder), server_journal(data), server_blobs(data),
                           [](const persistence::copy_progress&) {});
  return done ? show(*done, data) : complain(done.error(), exit_usage);
}

} // namespace darkroom::app
