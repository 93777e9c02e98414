// The one binary: `darkroom SUBCOMMAND`. Before anything else, it may be a zygote.
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/process_setup.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>

namespace darkroom::app {

namespace {

// Codec hosts fork from it: it is started before there is a thread.
template<class Run>
int with_hosts(Run run) {
  auto hosts = codecs::host::zygote::start();
  if (!hosts) return complain(hosts.error(), exit_temporary);
  const std::unique_ptr<codecs::host::zygote> owner(*hosts);
  return run(*owner);
}

// A command whose output was lost on its way has not done what it was asked to.
int check_standard_output(int code) {
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (written || code != exit_all) return code;
  return complain("standard output could not be written to its end", exit_output);
}

int run(int argc, char** argv) {
  CLI::App darkroom{"Converts batches of images. Every file arrives, whatever crashes in between."};
  darkroom.set_version_flag("--version", version_text());
  darkroom.require_subcommand(1);

  convert_options options;
  auto& convert = *darkroom.add_subcommand("convert", "Convert files and folders into a folder");
  declare(convert, options);

  bool json = false;
  auto& formats = *darkroom.add_subcommand("formats", "Formats that can be read and written");
  formats.add_flag("--json", json, "As JSON");

  std::vector<std::string> files;
  auto& info = *darkroom.add_subcommand("info", "What the header of a file says");
  info.add_option("FILE", files, "Images; - is standard input")->required();
  info.add_flag("--json", json, "One line of JSON for each file");

  std::string directory;
  auto& journal = *darkroom.add_subcommand("journal", "Look into a journal, running or stopped");
  journal.require_subcommand(1);
  auto& dump = *journal.add_subcommand("dump", "All events, one line of JSON each");
  dump.add_option("DIR", directory, "An output folder, a server's data, or the journal itself")
      ->required();
  auto& verify = *journal.add_subcommand("verify", "Check that the journal agrees with itself");
  verify.add_option("DIR", directory, "An output folder, a server's data, or the journal itself")
      ->required();

  salvage_options salvage_asked;
  auto& salvage = *journal.add_subcommand(
      "salvage", "Copy what can be read of a damaged journal, and list what cannot");
  declare(salvage, salvage_asked);
  std::string accepted;
  auto& accept = *journal.add_subcommand(
      "accept", "Go on with a server's journal as it is, and give up what its witness misses");
  accept.add_option("DIR", accepted, "The data of a server that does not run")->required();
  adopt_options adopt_asked;
  auto& adopt = *journal.add_subcommand(
      "adopt", "Use another journal, salvaged or restored, and put the present one in its place");
  declare(adopt, adopt_asked);

  settings_options settings;
  auto& serve = *darkroom.add_subcommand("serve", "Serve batches over HTTP");
  declare_server(serve, settings);
  serve.add_flag("--open", settings.open, "Open the page in a browser");
  auto& config = *darkroom.add_subcommand("config", "Look at the settings of the server");
  config.require_subcommand(1);
  auto& config_check = *config.add_subcommand("check", "Say what is wrong with them");
  declare_server(config_check, settings);
  auto& config_print = *config.add_subcommand("print", "Print what would be used, as TOML");
  declare_server(config_print, settings);

  std::string server;
  auto& health = *darkroom.add_subcommand("health", "Ask a server whether it is well");
  health.add_option("--server", server, "http://HOST:PORT");

  token_options token_asked;
  auto& token = *darkroom.add_subcommand("token", "Who may use the server");
  declare(token, token_asked);
  batch_options batch_asked;
  auto& batch = *darkroom.add_subcommand("batch", "Batches on a server");
  declare(batch, batch_asked);

  audit_options audit_asked;
  auto& audit = *darkroom.add_subcommand("audit", "Who did what on a server, and what was refused");
  declare(audit, audit_asked);

  fsck_options fsck_asked;
  auto& fsck = *darkroom.add_subcommand("fsck", "Check the data of a server that does not run");
  declare(fsck, fsck_asked);
  backup_options backup_asked;
  auto& backup = *darkroom.add_subcommand("backup", "Copy a server's data, also while it works");
  declare(backup, backup_asked);
  restore_options restore_asked;
  auto& restore = *darkroom.add_subcommand("restore", "Make a server's data from a backup");
  declare(restore, restore_asked);
  cluster_options_asked cluster_asked;
  auto& cluster = *darkroom.add_subcommand("cluster", "Other machines that convert for a server");
  declare(cluster, cluster_asked);
  worker_options_asked worker_asked;
  auto& worker = *darkroom.add_subcommand("worker", "Convert on this machine for a server");
  declare(worker, worker_asked);
  doctor_options doctor_asked;
  auto& doctor = *darkroom.add_subcommand(
      "doctor", "Check that this machine and its disk can keep what Darkroom promises");
  declare(doctor, doctor_asked);

  try {
    darkroom.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return darkroom.exit(e) == 0 ? exit_all : exit_usage;
  }
  // These write files of the server's users; the others write for the user who calls them.
  if (serve.parsed() || fsck.parsed() || backup.parsed() || restore.parsed() || journal.parsed() ||
      token.parsed() || cluster.parsed() || worker.parsed())
    make_files_private();
  if (convert.parsed()) {
    if (auto ok = read(options); !ok) return complain(ok.error(), exit_usage);
    return with_hosts([&](codecs::host::zygote& hosts) {
      return options.dry_run ? run_dry(options, hosts) : run_convert(options, hosts);
    });
  }
  if (serve.parsed())
    return with_hosts([&](codecs::host::zygote& hosts) { return run_serve(settings, hosts); });
  if (cluster.parsed()) return run_cluster(cluster_asked);
  if (worker.parsed()) return run_worker(worker_asked);
  if (fsck.parsed()) return run_fsck(fsck_asked);
  if (backup.parsed()) return run_backup(backup_asked);
  if (restore.parsed()) return run_restore(restore_asked);
  if (salvage.parsed()) return run_journal_salvage(salvage_asked);
  if (accept.parsed()) return run_journal_accept(accepted);
  if (adopt.parsed()) return run_journal_adopt(adopt_asked);
  if (doctor.parsed())
    return with_hosts([&](codecs::host::zygote& hosts) { return run_doctor(doctor_asked, hosts); });
  if (config_check.parsed()) return run_config_check(settings);
  if (config_print.parsed()) return run_config_print(settings);
  if (health.parsed()) return run_health(server);
  if (token.parsed()) return run_token(token_asked);
  if (batch.parsed()) return run_batch(batch_asked);
  if (audit.parsed()) return run_audit(audit_asked);
  if (formats.parsed()) return run_formats(json);
  if (info.parsed())
    return with_hosts([&](codecs::host::zygote& hosts) { return run_info(files, json, hosts); });
  return dump.parsed() ? run_journal_dump(directory) : run_journal_verify(directory);
}

} // namespace

} // namespace darkroom::app

int main(int argc, char** argv) {
  darkroom::app::open_standard_descriptors();
  if (darkroom::codecs::host::is_zygote(argc, argv)) return darkroom::codecs::host::run_zygote();
  try {
    return darkroom::app::check_standard_output(darkroom::app::run(argc, argv));
  } catch (const std::exception& e) {
    const auto code = darkroom::app::exit_of(e);
    const char* what = code == darkroom::app::exit_internal ? "a fault in Darkroom itself: "
                                                            : "the system does not give what is "
                                                              "needed: ";
    return darkroom::app::complain(std::string{what} + e.what(), code);
  }
}
