#include "app/data_directory.hpp"

#include "app/limits.hpp"
#include "app/text.hpp"
#include "base/result.hpp"
#include "persistence/files.hpp"
#include "persistence/salvage.hpp"

#include <filesystem>
#include <sys/stat.h>
#include <system_error>

namespace darkroom::app {

std::string server_journal(const std::string& data) {
  return data + "/journal";
}

std::string server_blobs(const std::string& data) {
  return data + "/blobs";
}

base::result<void, std::string> make_data_folder(const std::string& data) {
  struct stat about{};
  const bool is_new = ::stat(data.c_str(), &about) != 0;
  if (auto made = persistence::make_directories(data); !made)
    return std::unexpected(made.error().text());
  if (is_new) ::chmod(data.c_str(), 0700); // other people's photos
  return {};
}

std::string damage_text(const std::string& journal) {
  const auto report = persistence::examine_damage(journal);
  if (!report) return "nothing of it can be read: " + report.error().detail;
  std::string text = "what can be read: " + count_text(report->batches, "batch") + ", " +
                     count_text(report->events, "event") + "; what cannot:\n";
  for (std::size_t i = 0; i < report->lost.size(); ++i) {
    if (i == limits::damage_sentences_shown_max) {
      text += "  and " + std::to_string(report->lost.size() - i) + " more\n";
      break;
    }
    text += "  " + printable(report->lost[i]) + '\n';
  }
  if (report->lost.empty()) text += "  nothing that is missed\n";
  return text +
         "restore a backup (darkroom restore), or save what can be read; of a server, all of:\n"
         "  darkroom journal salvage " +
         journal + " --to " + journal + ".salvaged\n  mv " + journal + ' ' + journal +
         ".damaged\n  mv " + journal + ".salvaged " + journal + "\n  darkroom fsck " +
         persistence::parent_of(journal) + " --repair\n";
}

namespace {

// A start that was killed while it made the journal leaves neither.
bool has_tables_or_logs(const std::string& journal) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(journal, error))
    if (entry.path().extension() == ".sst" || entry.path().extension() == ".log") return true;
  return false;
}

// Blobs have names of 62 digits in folders of two.
bool has_blobs(const std::string& data) {
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(server_blobs(data), error), end;
       !error && at != end; at.increment(error))
    if (at->is_regular_file(error) && at->path().filename().string().size() == 62) return true;
  return false;
}

} // namespace

base::result<std::unique_ptr<persistence::journal_store>, data_error>
open_data(const std::string& data) {
  if (auto made = make_data_folder(data); !made) return std::unexpected(data_error{made.error()});
  if (auto made = persistence::make_directories(server_journal(data)); !made)
    return std::unexpected(data_error{made.error().text()});
  // An empty journal beside blobs would have them all removed as strays.
  const bool must_exist = has_tables_or_logs(server_journal(data)) || has_blobs(data);
  auto journal = persistence::journal_store::open({server_journal(data), nullptr, must_exist});
  if (!journal && journal.error().fault == persistence::journal_fault::missing)
    return std::unexpected(
        data_error{server_journal(data) +
                   " has no journal, but there are data that belong to one: put it back "
                   "(a backup, or what was salvaged), or choose another folder"});
  if (journal) return std::move(*journal);
  if (journal.error().fault == persistence::journal_fault::locked)
    return std::unexpected(data_error{"a server is using " + data + " already", true});
  if (journal.error().fault == persistence::journal_fault::corrupt)
    return std::unexpected(
        data_error{journal.error().detail + '\n' + damage_text(server_journal(data))});
  return std::unexpected(data_error{journal.error().detail});
}

} // namespace darkroom::app
