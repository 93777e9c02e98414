#include "persistence/place_watch.hpp"

#include "persistence/witness.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

namespace darkroom::persistence {

namespace {

// The log that the witness lists and that is not there; empty: there is none.
std::string missing_log(const std::string& journal) {
  const auto record = read_witness(journal);
  if (!record) return record.error().detail;
  if (!*record) return witness_path(journal) + " was moved or removed";
  struct stat about{};
  for (const auto& [file, synced] : (*record)->files) {
    const auto path = journal + '/' + name_of(file);
    if (file.kind == tracked_kind::log && ::stat(path.c_str(), &about) != 0 && errno == ENOENT)
      return path + " was moved or removed";
  }
  return "";
}

} // namespace

file_result<place_watch> place_watch::begin(const std::string& data, const std::string& journal,
                                            const std::string& blobs) {
  place_watch watch;
  watch.journal_ = journal;
  for (const auto& path : {data, journal, journal + "/LOCK", blobs}) {
    base::unique_fd opened{::open(path.c_str(), O_PATH | O_CLOEXEC)};
    if (!opened) return std::unexpected(last_error("opening " + path));
    watch.places_.push_back({path, std::move(opened)});
  }
  return watch;
}

std::string place_watch::fault() const {
  for (const auto& at : places_) {
    struct stat opened{}, there{};
    if (::fstat(at.opened.get(), &opened) != 0) return last_error("looking at " + at.path).text();
    if (::stat(at.path.c_str(), &there) != 0) {
      if (errno == ENOENT) return at.path + " was moved or removed";
      return last_error("looking at " + at.path).text();
    }
    if (opened.st_dev != there.st_dev || opened.st_ino != there.st_ino)
      return at.path + " was replaced by another one";
    if (S_ISREG(opened.st_mode) && opened.st_nlink != 1)
      return at.path + " was removed or linked to";
  }
  const auto current = journal_ + "/CURRENT";
  if (struct stat there{}; ::stat(current.c_str(), &there) != 0)
    return last_error("looking at " + current).text();
  // A log is removed after it has left the witness, which may have been between the two looks.
  if (missing_log(journal_).empty()) return "";
  return missing_log(journal_);
}

} // namespace darkroom::persistence
