// `darkroom journal dump` and `darkroom journal verify`: reads a stopped or a running journal.
#include "app/commands.hpp"
#include "app/data_directory.hpp"
#include "app/exit_code.hpp"
#include "app/text.hpp"
#include "http/event_views.hpp"
#include "http/views.hpp"
#include "persistence/read_view.hpp"
#include "persistence/salvage.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>

namespace darkroom::app {

namespace {

// Of an output folder, of a server's data, or the journal itself.
std::string folder_of(const std::string& directory) {
  std::error_code error;
  for (const auto& inside :
       {journal_directory(absolute_path(directory)), server_journal(directory)})
    if (std::filesystem::is_directory(inside, error)) return inside;
  return directory;
}

persistence::journal_result<std::shared_ptr<const persistence::read_view>>
open(const std::string& directory) {
  return persistence::read_view::open(folder_of(directory));
}

} // namespace

int run_journal_dump(const std::string& directory) {
  const auto journal = open(directory);
  if (!journal) return complain(journal.error().detail, exit_usage);
  const auto batches = (*journal)->batches();
  if (!batches) return complain(batches.error().detail, exit_internal);
  for (const auto& batch : *batches) {
    const auto ok =
        (*journal)->each_event(batch.id, 0, [&journal](persistence::journaled_event&& e) {
          return std::printf("%s\n", http::event_json(e, *journal).c_str()) >= 0;
        });
    if (!ok) return complain(ok.error().detail, exit_internal);
  }
  const auto audit = (*journal)->each_audit(0, [](persistence::audit_entry&& entry) {
    return std::printf("%s\n", http::audit_json(entry).c_str()) >= 0;
  });
  return audit ? exit_all : complain(audit.error().detail, exit_internal);
}

int run_journal_verify(const std::string& directory) {
  const auto journal = open(directory);
  if (!journal && journal.error().fault == persistence::journal_fault::corrupt)
    return complain(journal.error().detail + '\n' + damage_text(folder_of(directory)),
                    exit_some_failed);
  if (!journal) return complain(journal.error().detail, exit_usage);
  const auto problems = (*journal)->verify();
  if (!problems) return complain(problems.error().detail, exit_some_failed);
  for (const auto& problem : *problems)
    std::printf("%s\n", problem.c_str());
  const auto batches = (*journal)->batches();
  if (problems->empty())
    std::printf("the journal is whole: %s\n",
                count_text(batches ? batches->size() : 0, "batch").c_str());
  return problems->empty() ? exit_all : exit_some_failed;
}

void declare(CLI::App& command, salvage_options& options) {
  command
      .add_option("DIR", options.journal,
                  "An output folder, a server's data, or the journal itself")
      ->required();
  command.add_option("--to", options.to, "A new folder for the new journal")->required();
}

int run_journal_salvage(const salvage_options& options) {
  const auto report = persistence::salvage(folder_of(options.journal), absolute_path(options.to));
  if (!report) return complain(report.error().detail, exit_usage);
  for (const auto& line : report->lost)
    std::printf("lost: %s\n", printable(line).c_str());
  std::printf("saved: %s with %s, and %s of tokens and of the audit, in %s\n",
              count_text(report->batches, "batch").c_str(),
              count_text(report->events, "event").c_str(),
              count_text(report->records, "record").c_str(), options.to.c_str());
  return report->lost.empty() ? exit_all : exit_some_failed;
}

} // namespace darkroom::app
