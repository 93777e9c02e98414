#include "app/report.hpp"

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "http/views.hpp"
#include "persistence/files.hpp"

#include <sys/mman.h>

namespace darkroom::app {

namespace {

class text_file {
public:
  void add(const std::string& text) {
    ok_ = ok_ && ::write(fd_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }
  bool ok() const { return ok_; }
  int fd() const { return fd_.get(); }

private:
  base::unique_fd fd_{::memfd_create("report", MFD_CLOEXEC)};
  bool ok_ = fd_.get() >= 0;
};

} // namespace

base::result<void, std::string> write_report(const std::string& path,
                                             const persistence::read_view& journal,
                                             const domain::batch_id& batch) {
  const auto now = journal.replay(batch);
  if (!now) return std::unexpected(now.error().detail);
  const bool csv = path.ends_with(".csv"), lines = path.ends_with(".ndjson");
  const bool array = !csv && !lines;
  text_file text;
  if (csv) text.add(http::csv_header() + "\r\n");
  if (array) text.add("[");
  bool first = true;
  const auto read = journal.each_file(batch, 0, [&](persistence::file_record&& file) {
    const auto status = now->state.files.at(file.index);
    if (csv)
      text.add(http::file_csv(file, status) + "\r\n");
    else if (lines)
      text.add(http::file_json(file, status) + "\n");
    else
      text.add((first ? "\n" : ",\n") + http::file_json(file, status));
    first = false;
    return text.ok();
  });
  if (array) text.add("\n]\n");
  if (!read) return std::unexpected(read.error().detail);
  if (!text.ok()) return std::unexpected("no memory for the report");
  const auto part = path + ".part";
  if (const auto written = persistence::write_synced(text.fd(), part); !written)
    return std::unexpected(written.error().text());
  if (const auto named = persistence::rename_file(part, path, true); !named)
    return std::unexpected(named.error().text());
  if (const auto synced = persistence::sync_directory(persistence::parent_of(path)); !synced)
    return std::unexpected(synced.error().text());
  return {};
}

} // namespace darkroom::app
