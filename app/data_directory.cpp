#include "app/data_directory.hpp"

#include "persistence/files.hpp"

#include <sys/stat.h>

namespace darkroom::app {

std::string server_journal(const std::string& data) {
  return data + "/journal";
}

std::string server_blobs(const std::string& data) {
  return data + "/blobs";
}

std::expected<std::unique_ptr<persistence::journal_store>, data_error>
open_data(const std::string& data) {
  struct stat about{};
  const bool is_new = ::stat(data.c_str(), &about) != 0;
  if (auto made = persistence::make_directories(data); !made)
    return std::unexpected(data_error{made.error().text()});
  if (is_new) ::chmod(data.c_str(), 0700); // other people's photos
  if (auto made = persistence::make_directories(server_journal(data)); !made)
    return std::unexpected(data_error{made.error().text()});
  auto journal = persistence::journal_store::open({server_journal(data), nullptr});
  if (journal) return std::move(*journal);
  if (journal.error().fault == persistence::journal_fault::locked)
    return std::unexpected(data_error{"a server is using " + data + " already", true});
  return std::unexpected(data_error{journal.error().detail});
}

} // namespace darkroom::app
