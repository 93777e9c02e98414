#include "app/data_directory.hpp"

#include "app/limits.hpp"
#include "app/text.hpp"
#include "base/errno_text.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "persistence/backup.hpp"
#include "persistence/files.hpp"
#include "persistence/salvage.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <sys/stat.h>
#include <unistd.h>

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

base::result<std::string, std::string> read_log_key(const std::string& data) {
  const auto path = data + "/log.key", part = path + ".part";
  std::array<std::uint8_t, limits::log_key_bytes> key{};
  if (const auto kept = persistence::open_for_reading(path)) {
    const auto n = ::pread(kept->get(), key.data(), key.size(), 0);
    if (n == static_cast<ssize_t>(key.size())) return std::string(key.begin(), key.end());
  }
  base::fill_random(key);
  const auto made = persistence::make_nameless_file(data);
  if (!made) return std::unexpected(made.error().text());
  if (auto ok = persistence::write_all(made->get(), key, part); !ok)
    return std::unexpected(ok.error().text());
  if (auto ok = persistence::write_synced(made->get(), part); !ok)
    return std::unexpected(ok.error().text());
  ::chmod(part.c_str(), 0600);
  if (auto ok = persistence::rename_file(part, path, true); !ok)
    return std::unexpected(ok.error().text());
  return std::string(key.begin(), key.end());
}

std::vector<std::string> guard_data_folder(const std::string& data) {
  // The mode of the folder is enough: what is below is reached only through it.
  constexpr mode_t kept = S_IRWXU | S_IRGRP | S_IXGRP | S_ISUID | S_ISGID | S_ISVTX;
  std::vector<std::string> said;
  struct stat about{};
  if (::stat(data.c_str(), &about) != 0) return said;
  const auto mode = about.st_mode & 07777;
  const auto octal = [](mode_t value) {
    char text[8];
    std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(value));
    return std::string{text};
  };
  if (about.st_uid != ::geteuid() && ::geteuid() != 0)
    said.push_back(data + " belongs to another user (" + std::to_string(about.st_uid) +
                   "), who can read and change everything in it");
  if ((mode & ~kept) == 0) return said;
  if (::chmod(data.c_str(), mode & kept) == 0)
    said.push_back(data + " had mode " + octal(mode) + " and has " + octal(mode & kept) +
                   " now: other users could reach the files of this server's users");
  else
    said.push_back(data + " has mode " + octal(mode) +
                   ", which lets other users reach the files "
                   "of this server's users, and it cannot be changed: " +
                   base::errno_text(errno));
  return said;
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
         journal + " --to " + journal + ".salvaged\n  darkroom journal adopt " +
         persistence::parent_of(journal) + ' ' + journal + ".salvaged\n  darkroom fsck " +
         persistence::parent_of(journal) + " --repair\n";
}

persistence::store_options server_store(const std::string& data, bool must_exist) {
  return {.directory = server_journal(data), .must_exist = must_exist, .blobs = server_blobs(data)};
}

std::string incomplete_text(const std::string& data) {
  return "nothing was changed. Put back what is missing, restore a backup (darkroom restore), or "
         "give up what is missing and go on with the rest:\n"
         "  darkroom journal accept " +
         data + "\n  darkroom fsck " + data + '\n';
}

base::result<std::unique_ptr<persistence::journal_store>, data_error>
open_data(const std::string& data) {
  if (persistence::is_backup(data))
    return std::unexpected(data_error{data + " is a backup, not the data of a server: darkroom "
                                             "restore makes data of it"});
  if (auto made = make_data_folder(data); !made) return std::unexpected(data_error{made.error()});
  if (auto made = persistence::make_directories(server_journal(data)); !made)
    return std::unexpected(data_error{made.error().text()});
  auto journal = persistence::journal_store::open(server_store(data, false));
  if (journal) return std::move(*journal);
  const auto& error = journal.error();
  switch (error.fault) {
  case persistence::journal_fault::missing:
    return std::unexpected(
        data_error{server_journal(data) +
                   " has no journal, but there are data that belong to one: put it back "
                   "(a backup, or what was salvaged), or choose another folder"});
  case persistence::journal_fault::incomplete:
    return std::unexpected(data_error{error.detail + '\n' + incomplete_text(data)});
  case persistence::journal_fault::corrupt:
    return std::unexpected(data_error{error.detail + '\n' + damage_text(server_journal(data))});
  case persistence::journal_fault::locked:
    return std::unexpected(
        data_error{"a server is using " + data + " already", true, exit_of(error)});
  default:
    return std::unexpected(data_error{error.detail, false, exit_of(error)});
  }
}

} // namespace darkroom::app
