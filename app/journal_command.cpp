// `darkroom journal`: reads a stopped or a running journal, and replaces one that is incomplete.
#include "app/commands.hpp"
#include "app/data_directory.hpp"
#include "app/exit_code.hpp"
#include "app/text.hpp"
#include "base/clock.hpp"
#include "http/event_views.hpp"
#include "http/views.hpp"
#include "persistence/read_view.hpp"
#include "persistence/replace_witness.hpp"
#include "persistence/salvage.hpp"
#include "persistence/witness_check.hpp"

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

// That of an output folder has no witness.
bool is_of_server(const std::string& journal) {
  return !absolute_path(journal).ends_with(journal_directory(""));
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
  if (!batches) return complain(batches.error().detail, exit_of(batches.error()));
  for (const auto& batch : *batches) {
    const auto ok =
        (*journal)->each_event(batch.id, 0, [&journal](persistence::journaled_event&& e) {
          return std::printf("%s\n", http::event_json(e, *journal).c_str()) >= 0;
        });
    if (!ok) return complain(ok.error().detail, exit_of(ok.error()));
  }
  const auto audit = (*journal)->each_audit(0, [](persistence::audit_entry&& entry) {
    return std::printf("%s\n", http::audit_json(entry).c_str()) >= 0;
  });
  return audit ? exit_all : complain(audit.error().detail, exit_of(audit.error()));
}

int run_journal_verify(const std::string& directory) {
  const auto journal = open(directory);
  if (!journal && journal.error().fault == persistence::journal_fault::corrupt)
    return complain(journal.error().detail + '\n' + damage_text(folder_of(directory)),
                    exit_some_failed);
  if (!journal) return complain(journal.error().detail, exit_usage);
  auto problems = persistence::check_witness(folder_of(directory));
  if (!problems) return complain(problems.error().detail, exit_some_failed);
  auto contradictions = (*journal)->verify();
  if (!contradictions) return complain(contradictions.error().detail, exit_some_failed);
  problems->insert(problems->end(), contradictions->begin(), contradictions->end());
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
  const auto journal = folder_of(options.journal);
  const auto report =
      persistence::salvage(journal, absolute_path(options.to), is_of_server(journal));
  if (!report) return complain(report.error().detail, exit_usage);
  for (const auto& line : report->lost)
    std::printf("lost: %s\n", printable(line).c_str());
  std::printf("saved: %s with %s, and %s of tokens and of the audit, in %s\n",
              count_text(report->batches, "batch").c_str(),
              count_text(report->events, "event").c_str(),
              count_text(report->records, "record").c_str(), options.to.c_str());
  return report->lost.empty() ? exit_all : exit_some_failed;
}

int run_journal_accept(const std::string& data) {
  const auto journal = server_journal(absolute_path(data));
  const auto done = persistence::accept_journal(journal, base::unix_now_us());
  if (!done && done.error().fault == persistence::journal_fault::corrupt)
    return complain(done.error().detail + '\n' + damage_text(journal), exit_some_failed);
  if (!done) return complain(done.error().detail, exit_usage);
  std::printf("%s counts as complete from now on\n", journal.c_str());
  return exit_all;
}

void declare(CLI::App& command, adopt_options& options) {
  command.add_option("DIR", options.data, "The data of a server that does not run")->required();
  command
      .add_option("NEW", options.journal,
                  "The folder of the other journal, on the same file system; its witness is beside "
                  "it")
      ->required();
}

int run_journal_adopt(const adopt_options& options) {
  const auto journal = server_journal(absolute_path(options.data));
  const auto other = absolute_path(options.journal);
  if (auto done = persistence::adopt_journal(journal, other); !done)
    return complain(done.error().detail, exit_usage);
  std::printf("%s is the journal that was %s; what was there is %s now\n", journal.c_str(),
              other.c_str(), other.c_str());
  return exit_all;
}

} // namespace darkroom::app
