// What has become of a batch: reports with one row a file, and all outputs as one ZIP.
#include "base/encoding.hpp"
#include "domain/portable_names.hpp"
#include "http/blocking.hpp"
#include "http/limits.hpp"
#include "http/routes.hpp"
#include "http/zip.hpp"
#include "http/zip_names.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace darkroom::http {

namespace {

enum class report_form : std::uint8_t { json, ndjson, csv };

struct report {
  domain::batch_id batch;
  domain::batch_phase phase = domain::batch_phase::absent;
  std::shared_ptr<const actors::file_states> live;
  report_form form = report_form::json;
};

// The rows of some files; where to go on, if there are more.
struct report_rows {
  std::string text;
  std::optional<domain::file_index> next;
};

persistence::journal_result<report_rows> read_rows(const persistence::read_view& journal,
                                                   const report& r, domain::file_index from) {
  report_rows rows;
  std::size_t count = 0;
  bool first = from == 0;
  const auto ok = journal.each_file(r.batch, from, [&](persistence::file_record&& file) {
    if (count++ == limits::page_max) {
      rows.next = file.index;
      return false;
    }
    const auto status = status_of(file, r.phase, r.live.get());
    if (r.form == report_form::csv)
      rows.text += file_csv(file, status) + "\r\n";
    else if (r.form == report_form::ndjson)
      rows.text += file_json(file, status) + '\n';
    else
      rows.text += (first ? "\n" : ",\n") + file_json(file, status);
    first = false;
    return true;
  });
  if (!ok) return std::unexpected(ok.error());
  return rows;
}

task<bool> write_report(std::shared_ptr<services> s, report r, body_writer& out) {
  bool sent = true;
  if (r.form == report_form::csv) sent = co_await out.write(csv_header() + "\r\n");
  if (r.form == report_form::json) sent = co_await out.write("[");
  for (std::optional<domain::file_index> from = 0; sent && from;) {
    const auto journal = journal_of(*s);
    if (!journal) co_return false;
    const auto rows = co_await run_blocking(
        s->blocking, [&journal, &r, &from] { return read_rows(*journal, r, *from); });
    if (!rows) co_return false;
    sent = co_await out.write(rows->text);
    from = rows->next;
  }
  if (sent && r.form == report_form::json) sent = co_await out.write("\n]\n");
  co_return sent;
}

task<route_result> get_report(call& c, const named_batch& batch, report_form form,
                              const char* type) {
  DARKROOM_CO_TRY(view, co_await view_batch(c, batch.id, actors::file_range::all()));
  const report wanted{batch.id, view.summary.phase, view.files, form};
  response r;
  r.with("Content-Type", type);
  const auto s = shared_services(c.s);
  r.body = stream_body{
      [s, wanted](body_writer& out) -> task<bool> { return write_report(s, wanted, out); }, {}};
  co_return r;
}

route report_route(const char* extension, report_form form, const char* type) {
  return {
      "GET",
      std::string{"/v1/batches/{id}/report."} + extension,
      access::user,
      "",
      [form, type](call& c, const named_batch& batch) { return get_report(c, batch, form, type); },
      route::browser_use::download};
}

// The outputs of files that had completed by `as_of`: these never change, so neither does the ZIP.
struct archive {
  domain::batch_id batch;
  domain::seq as_of = 0;
  zip_options options;
  bool renames = true; // false: every entry has the name of its output
};

struct archived {
  zip_entry entry;
  persistence::digest blob{};
};

struct archived_files {
  std::vector<archived> entries;
  std::optional<domain::file_index> next;
};

persistence::journal_result<archived_files> read_entries(const persistence::read_view& journal,
                                                         const archive& a, domain::file_index from,
                                                         zip_names& names) {
  archived_files part;
  std::size_t count = 0;
  const auto ok = journal.each_file(a.batch, from, [&](persistence::file_record&& file) {
    if (count++ == limits::page_max) {
      part.next = file.index;
      return false;
    }
    const auto* done = std::get_if<domain::file_completed>(&file.result);
    if (done == nullptr || file.result_seq > a.as_of) return true;
    for (std::size_t i = 0; i < done->outputs.size() && i < file.entry.outputs.size(); ++i)
      part.entries.push_back(
          {{a.renames ? names.next(file.entry.outputs[i]) : file.entry.outputs[i],
            done->outputs[i].bytes, done->outputs[i].crc32},
           done->outputs[i].sha256});
    return true;
  });
  if (!ok) return std::unexpected(ok.error());
  return part;
}

struct measured_archive {
  zip_layout layout;
  bool renames = false;
};

persistence::journal_result<measured_archive> measure(const persistence::read_view& journal,
                                                      const archive& a) {
  measured_archive measured{zip_layout(a.options)};
  zip_names names;
  for (std::optional<domain::file_index> from = 0; from;) {
    const auto part = read_entries(journal, a, *from, names);
    if (!part) return std::unexpected(part.error());
    for (const auto& one : part->entries)
      measured.layout.add(one.entry);
    from = part->next;
  }
  measured.renames = names.renamed();
  return measured;
}

// Sends the part of a ZIP that was asked for; what lies before is passed over without being read.
class zip_sender {
public:
  zip_sender(std::shared_ptr<services> s, archive a, byte_range wanted, body_writer& out)
      : s_(std::move(s)), archive_(a), skip_(wanted.first), left_(wanted.length), out_(out),
        layout_(archive_.options) {}

  task<bool> send() {
    visitor send_one = [this](const archived& one) { return send_entry(one); };
    bool ok = co_await each(send_one);
    zip_layout again(archive_.options); // counts the offsets once more
    visitor send_record = [this, &again](const archived& one) {
      const auto record = zip_central_record(one.entry, again.offset(), archive_.options);
      again.add(one.entry);
      return send_text(record);
    };
    if (ok && left_ > 0) ok = co_await each(send_record);
    if (ok && left_ > 0) ok = co_await send_text(layout_.end());
    co_return ok&& left_ == 0;
  }

private:
  using visitor = std::function<task<bool>(const archived&)>;
  task<bool> each(const visitor& visit) {
    zip_names names;
    for (std::optional<domain::file_index> from = 0; from;) {
      const auto journal = journal_of(*s_);
      if (!journal) co_return false;
      const auto read = [this, &journal, &from, &names] {
        return read_entries(*journal, archive_, *from, names);
      };
      const auto part = co_await run_blocking(s_->blocking, read);
      if (!part) co_return false;
      for (const auto& one : part->entries) {
        if (left_ == 0) co_return true;
        const bool ok = co_await visit(one);
        if (!ok) co_return false;
      }
      from = part->next;
    }
    co_return true;
  }

  task<bool> send_text(std::string text) {
    const auto skipped = std::min<std::uint64_t>(skip_, text.size());
    skip_ -= skipped;
    auto piece = std::string_view(text).substr(skipped);
    piece = piece.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece.size())));
    left_ -= piece.size();
    co_return co_await out_.write(piece);
  }

  // No descriptor where the bytes are lost or damaged: zeros are sent in their place, which fail
  // the entry's CRC-32, and keep the others readable.
  persistence::file_result<base::unique_fd> open_checked(const persistence::digest& blob) const {
    auto file = s_->blobs.open_blob(blob);
    if (!file && file.error().code == ENOENT) return base::unique_fd{};
    if (!file) return file;
    const auto content = s_->blobs.check_content(blob, file->get(), true);
    if (!content) return std::unexpected(content.error());
    if (*content == persistence::blob_store::content_state::damaged) return base::unique_fd{};
    return file;
  }

  task<bool> send_entry(const archived& one) {
    layout_.add(one.entry);
    auto header = zip_local_header(one.entry, archive_.options);
    const bool ok = co_await send_text(std::move(header));
    if (!ok) co_return false;
    if (skip_ >= one.entry.bytes) {
      skip_ -= one.entry.bytes;
      co_return true;
    }
    auto at = std::exchange(skip_, 0);
    const auto file =
        co_await run_blocking(s_->blocking, [this, &one] { return open_checked(one.blob); });
    if (!file) co_return false;
    std::vector<char> buffer(limits::body_piece_bytes);
    while (at < one.entry.bytes && left_ > 0) {
      const auto want = static_cast<std::size_t>(
          std::min<std::uint64_t>({buffer.size(), one.entry.bytes - at, left_}));
      const auto n = co_await run_blocking(s_->blocking, [&] {
        if (!*file) return static_cast<std::int64_t>(want); // zeros
        return std::int64_t{::pread(file->get(), buffer.data(), want, static_cast<off_t>(at))};
      });
      if (n <= 0) co_return false;
      at += static_cast<std::uint64_t>(n);
      left_ -= static_cast<std::uint64_t>(n);
      const bool sent = co_await out_.write({buffer.data(), static_cast<std::size_t>(n)});
      if (!sent) co_return false;
    }
    co_return true;
  }

  std::shared_ptr<services> s_;
  archive archive_;
  std::uint64_t skip_, left_;
  body_writer& out_;
  zip_layout layout_;
};

task<bool> send_zip(std::shared_ptr<services> s, archive a, byte_range wanted, body_writer& out) {
  zip_sender sender(s, a, wanted, out);
  co_return co_await sender.send();
}

// The batch's name, as every system can write it; its id if it has none.
std::string zip_name(const persistence::batch_summary& batch) {
  auto name = batch.name;
  std::ranges::replace(name, '/', '-');
  name = domain::portable_path(name);
  return (name.empty() ? domain::to_string(batch.id) : name) + ".zip";
}

base::result<bool, problem> wants_zip64(const request& rq) {
  const auto zip64 = rq.parameter("zip64");
  if (zip64 && *zip64 != "always")
    return std::unexpected(problem{problem_code::invalid_parameter, "zip64 can only be always."});
  return zip64.has_value();
}

task<route_result> results_zip(call& c, const named_batch& batch) {
  DARKROOM_CO_TRY(always_zip64, wants_zip64(c.rq));
  // Should the batch be deleted meanwhile, the download still comes to its end.
  const auto held = c.s.gateway.actors().hold(batch.id);
  DARKROOM_CO_TRY(view, co_await view_batch(c, batch.id));
  const auto& summary = view.summary;
  const bool ended = domain::is_terminal(summary.phase) && summary.open_files() == 0;
  DARKROOM_CO_TRY(as_of, number_parameter(c, "as_of", summary.seq, 0, summary.seq));
  if (!ended && !c.rq.parameter("as_of")) {
    response r;
    r.status = 307;
    auto location = c.rq.target + "?as_of=" + std::to_string(summary.seq);
    for (const auto& [name, value] : c.rq.query)
      location += '&' + base::percent_encoded(name) + '=' + base::percent_encoded(value);
    r.with("Location", std::move(location));
    r.with("Cache-Control", "no-store");
    co_return r;
  }
  archive wanted{batch.id, as_of, {summary.created_us, false}};
  wanted.options.always_zip64 = always_zip64;
  const auto read = [&wanted](const journal_view& journal) { return measure(*journal, wanted); };
  DARKROOM_CO_TRY(measured, co_await read_journal(c, read));
  const auto& layout = measured.layout;
  wanted.renames = measured.renames;
  const auto size = layout.total_bytes();
  // The set only grows with `as_of`, and never otherwise: its size and place name it.
  const auto tag = "\"z" + std::to_string(as_of) + '-' + std::to_string(layout.entries()) + '-' +
                   std::to_string(size) + '"';
  response r;
  r.with("ETag", tag);
  r.with("Cache-Control", "private, no-cache");
  DARKROOM_CO_CHECK(check_if_match(c.rq, tag));
  if (has_tag(c.rq.header("If-None-Match"), tag)) {
    r.status = 304;
    co_return r;
  }
  r.with("Content-Type", "application/zip");
  r.with("Content-Disposition", attachment_header(zip_name(view.summary)));
  DARKROOM_CO_TRY(part, ranged(c, r, size, tag));
  const auto s = shared_services(c.s);
  c.s.metrics.bytes_sent += part.length;
  r.body = stream_body{[s, wanted, part, held](body_writer& out) -> task<bool> {
                         return send_zip(s, wanted, part, out); // `held` lives as long as this
                       },
                       part.length};
  co_return r;
}

} // namespace

std::vector<route> result_routes() {
  return {
      report_route("json", report_form::json, "application/json"),
      report_route("ndjson", report_form::ndjson, "application/x-ndjson"),
      report_route("csv", report_form::csv, "text/csv; charset=utf-8"),
      {"GET",
       "/v1/batches/{id}/results.zip",
       access::user,
       "",
       results_zip,
       route::browser_use::download,
       {"as_of", "zip64"}},
  };
}

} // namespace darkroom::http
