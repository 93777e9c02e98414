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

// The rows, in the form that the name of the report asks for.
class report_rows {
public:
  explicit report_rows(const std::string& path)
      : csv_(path.ends_with(".csv")), array_(!csv_ && !path.ends_with(".ndjson")) {
    if (csv_) text_.add(http::csv_header() + "\r\n");
    if (array_) text_.add("[");
  }
  void add(const persistence::file_record& file, domain::file_status status) {
    add(csv_ ? http::file_csv(file, status) : http::file_json(file, status));
  }
  void add(const http::omitted_row& row) {
    add(csv_ ? http::omitted_csv(row) : http::omitted_json(row));
  }
  void end() {
    if (array_) text_.add("\n]\n");
  }
  bool ok() const { return text_.ok(); }
  int fd() const { return text_.fd(); }

private:
  void add(const std::string& row) {
    if (array_) text_.add(first_ ? "\n" : ",\n");
    first_ = false;
    text_.add(array_ ? row : row + (csv_ ? "\r\n" : "\n"));
  }

  text_file text_;
  bool csv_, array_, first_ = true;
};

void add_omissions(report_rows& rows, const source_list& found) {
  const auto io_error = std::string{to_string(domain::failure_reason::io_error)};
  for (const auto& one : found.unreadable)
    rows.add({one.path, std::string{to_string(domain::file_status::failed)}, io_error, one.why,
              one.bytes});
  for (const auto& one : found.skipped)
    rows.add({one.path, "skipped", {}, one.why, one.bytes});
}

base::result<void, std::string> store(report_rows& rows, const std::string& path) {
  rows.end();
  if (!rows.ok()) return std::unexpected("no memory for the report");
  const auto part = path + ".part";
  if (const auto written = persistence::write_synced(rows.fd(), part); !written)
    return std::unexpected(written.error().text());
  if (const auto named = persistence::rename_file(part, path, true); !named)
    return std::unexpected(named.error().text());
  if (const auto synced = persistence::sync_directory(persistence::parent_of(path)); !synced)
    return std::unexpected(synced.error().text());
  return {};
}

} // namespace

base::result<void, std::string> write_report(const std::string& path,
                                             const persistence::read_view& journal,
                                             const domain::batch_id& batch,
                                             const source_list& found) {
  report_rows rows(path);
  const auto now = journal.replay(batch);
  if (!now) return std::unexpected(now.error().detail);
  const auto read = journal.each_file(batch, 0, [&](persistence::file_record&& file) {
    rows.add(file, now->state.files.at(file.index));
    return rows.ok();
  });
  if (!read) return std::unexpected(read.error().detail);
  add_omissions(rows, found);
  return store(rows, path);
}

base::result<void, std::string> write_report(const std::string& path, const source_list& found) {
  report_rows rows(path);
  add_omissions(rows, found);
  return store(rows, path);
}

} // namespace darkroom::app
