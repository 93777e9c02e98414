// `darkroom fsck`: whether a backup, or the data of a server that does not run, are whole.
#include "app/commands.hpp"
#include "app/data_directory.hpp"
#include "app/exit_code.hpp"
#include "app/text.hpp"
#include "base/clock.hpp"
#include "persistence/backup.hpp"
#include "persistence/data_check.hpp"
#include "persistence/read_view.hpp"
#include "persistence/set_aside.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>

namespace darkroom::app {

namespace {

// Moves files out of the blob store, where they would be taken for blobs; they keep their names.
int move_aside(const std::vector<std::string>& files, const std::string& data) {
  const auto blobs = server_blobs(data);
  for (const auto& file : files) {
    const auto moved =
        persistence::set_aside(file, blobs, file.substr(blobs.size() + 1), base::unix_now_us());
    if (!moved) return complain(moved.error().text(), exit_of(moved.error()));
    std::printf("moved %s to %s\n", file.c_str(), moved->c_str());
  }
  return exit_all;
}

void print(const std::vector<std::string>& lines, const char* before) {
  for (const auto& line : lines)
    std::printf("%s%s\n", before, printable(line).c_str());
}

// The exit code of what was found, before anything is repaired.
int show(const persistence::data_report& report, const char* what, bool quick) {
  print(report.journal, "journal: ");
  print(report.files, "");
  print(report.strays, "stray: ");
  if (!report.whole()) return exit_some_failed;
  std::printf("%s whole: %s, %s", what, count_text(report.batches, "batch").c_str(),
              count_text(report.blobs, "blob").c_str());
  if (!quick) std::printf(" with %s read", size_text(report.blob_bytes).c_str());
  std::printf("\n");
  return exit_all;
}

int check_backup(const std::string& folder, const fsck_options& options) {
  if (options.repair)
    return complain("a backup is repaired by making it again: darkroom backup " + folder +
                        " --verify, with the server's data",
                    exit_usage);
  const auto report = persistence::check_backup_data(folder, !options.quick);
  if (!report) return complain(report.error(), exit_some_failed);
  return show(*report, "the backup is", options.quick);
}

} // namespace

void declare(CLI::App& command, fsck_options& options) {
  command.add_option("DIR", options.data, "The data of a server, or a backup")->required();
  command.add_flag("--repair", options.repair,
                   "Move stray and damaged files aside, into DIR/set-aside");
  command.add_flag("--quick", options.quick, "Look at the sizes of blobs, not at their content");
}

int run_fsck(const fsck_options& options) {
  const auto data = absolute_path(options.data);
  if (persistence::is_backup(data)) return check_backup(data, options);
  std::error_code error;
  if (!std::filesystem::is_directory(server_journal(data), error))
    return complain(data + " is no server's data: it has no journal", exit_usage);
  const auto journal = open_data(data); // and keeps servers out
  if (!journal)
    return complain(journal.error().sentence,
                    journal.error().locked ? exit_usage : exit_some_failed);
  const auto report =
      persistence::check_data(*(*journal)->view(), server_blobs(data), !options.quick);
  if (!report) return complain(report.error().detail, exit_some_failed);
  if (const int code = show(*report, "the data are", options.quick); code == exit_all) return code;
  if (!options.repair) {
    if (!report->strays.empty() || !report->damaged.empty())
      std::printf("--repair moves stray and damaged files aside\n");
    return exit_some_failed;
  }
  auto files = report->strays;
  files.insert(files.end(), report->damaged.begin(), report->damaged.end());
  if (const int code = move_aside(files, data); code != exit_all) return code;
  return report->journal.empty() && report->files.empty() ? exit_all : exit_some_failed;
}

} // namespace darkroom::app
