#include "app/batch_options.hpp"

#include <CLI/CLI.hpp>

namespace darkroom::app {

void declare(CLI::App& command, account_options& o) {
  command.add_option("--server", o.server,
                     "http://HOST:PORT (else DARKROOM_SERVER, else the credentials file)");
  command.add_option("--token", o.token, "dr_… (else DARKROOM_TOKEN, else the credentials file)");
}

void declare(CLI::App& command, batch_options& o) {
  command.require_subcommand(1);
  const auto add = [&](const char* name, const char* about, batch_options::verb what) {
    auto* sub = command.add_subcommand(name, about);
    declare(*sub, o.account);
    sub->callback([&o, what] { o.what = what; });
    return sub;
  };
  using enum batch_options::verb;
  auto* submit_ = add("submit", "Make a batch, upload files to it and start it", submit);
  submit_->add_option("SRC", o.sources, "Files, folders and quoted globs; - is standard input")
      ->required();
  declare_spec(*submit_, o.given);
  submit_->add_option("--batch", o.into, "Go on with this draft, which a submit has left behind");
  declare_attributes(*submit_, o.attributes);
  submit_->add_flag("--wait", o.wait, "Follow the batch to its end");
  submit_->add_option("--connections", o.connections, "Uploads at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  submit_->add_flag("--quiet", o.quiet, "Print nothing but the batch's id");
  auto* ls = add("ls", "Batches, the newest first", list);
  ls->add_option("--state", o.state, "Only those in this state");
  ls->add_option("--tag", o.tag, "Only those with this tag");
  ls->add_flag("--json", o.json, "One line of JSON for each");
  const auto with_id = [&](const char* name, const char* about, batch_options::verb what) {
    auto* sub = add(name, about, what);
    sub->add_option("ID", o.id, "The batch")->required();
    return sub;
  };
  with_id("get", "One batch, as JSON", get);
  auto* watch_ = with_id("watch", "Follow it to its end, through cuts and restarts", watch);
  watch_->add_flag("--json", o.json, "Events on standard output, one line of JSON each");
  watch_->add_option("--after", o.after, "With --json: from the event after this one on")
      ->needs("--json");
  watch_->add_flag("--quiet", o.quiet, "Say nothing; the exit code tells how it ended");
  with_id("pause", "Start nothing new", pause)
      ->add_flag("--interrupt", o.interrupt, "Also give back what runs");
  with_id("resume", "Go on", resume);
  with_id("cancel", "End it; what is finished stays", cancel)
      ->add_option("--reason", o.reason, "For the record");
  auto* retry_ = with_id("retry", "Run again what failed or was cancelled", retry);
  retry_->add_option("--scope", o.scope, "failed or cancelled")->capture_default_str();
  retry_->add_option("--only", o.reasons, "Only files that failed so; may be repeated");
  auto* download_ =
      with_id("download", "Fetch the outputs; goes on where it was cut off", download);
  download_->add_option("-o,--out", o.out, "Folder; with --zip, a file");
  download_->add_flag("--zip", o.zip, "As one ZIP file");
  download_->add_flag("--quiet", o.quiet, "Say nothing but errors");
}

void declare(CLI::App& command, token_options& o) {
  command.require_subcommand(1);
  const auto add = [&](const char* name, const char* about, token_options::verb what) {
    auto* sub = command.add_subcommand(name, about);
    declare(*sub, o.account);
    declare(*sub, o.settings);
    sub->add_option("--data", o.settings.data,
                    "Folder of a server that does not run; else the server is asked");
    sub->callback([&o, what] { o.what = what; });
    return sub;
  };
  using enum token_options::verb;
  auto* create_ = add("create", "Make a token and print it, once", create);
  create_->add_option("--user", o.user, "Whom it is for")->required();
  create_->add_option("--role", o.role, "user or admin")->capture_default_str();
  create_->add_option("--expires-in-days", o.expires_in_days, "Default: never");
  create_->add_option("--note", o.note, "For the list");
  add("list", "All tokens, without their secrets", list);
  add("revoke", "End a token", revoke)->add_option("ID", o.id, "As the list shows it")->required();
}

void declare(CLI::App& command, audit_options& o) {
  declare(command, o.account);
  command.add_option("--data", o.data, "Folder of a server; else the server is asked");
  command.add_option("--user", o.user, "Only what this user did");
  command.add_option("--action", o.action, "Only this, as batch.cancel");
  command.add_option("--batch", o.batch, "Only what was done to this batch");
  command.add_option("--after", o.after, "Only what came after this seq");
  command.add_flag("--json", o.json, "One line of JSON for each");
}

} // namespace darkroom::app
