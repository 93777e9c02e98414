// What is in a batch: lists of files, one file, and taking one out again.
#include "base/result.hpp"
#include "domain/portable_names.hpp"
#include "http/blocking.hpp"
#include "http/limits.hpp"
#include "http/routes.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

namespace darkroom::http {

namespace {

namespace json = boost::json;
using live_files = std::shared_ptr<const actors::file_states>;

struct file_filter {
  std::string state, reason, path_prefix;
  std::string part; // of the path; folded
  std::optional<domain::loss> loss;
};

base::result<file_filter, problem> read_filter(const call& c) {
  file_filter filter;
  filter.state = c.rq.parameter("state").value_or("");
  filter.reason = c.rq.parameter("reason").value_or("");
  filter.path_prefix = c.rq.parameter("path_prefix").value_or("");
  filter.part = domain::folded_name(c.rq.parameter("q").value_or(""));
  const auto wrong = [](const char* what) {
    return std::unexpected(
        problem{problem_code::invalid_parameter, std::string{"There is no such "} + what + "."});
  };
  if (!filter.state.empty() && !base::parse_enum<domain::file_status>(filter.state))
    return wrong("state");
  if (!filter.reason.empty() && !base::parse_enum<domain::failure_reason>(filter.reason))
    return wrong("reason");
  if (const auto loss = c.rq.parameter("loss")) {
    filter.loss = base::parse_enum<domain::loss>(*loss);
    if (!filter.loss) return wrong("loss");
  }
  return filter;
}

bool fits(const file_filter& f, const persistence::file_record& file, domain::file_status status) {
  if (!f.state.empty() && to_string(status) != f.state) return false;
  if (!file.entry.path.starts_with(f.path_prefix)) return false;
  if (!f.part.empty() && domain::folded_name(file.entry.path).find(f.part) == std::string::npos)
    return false;
  if (f.loss) {
    const auto* done = std::get_if<domain::file_completed>(&file.result);
    if (done == nullptr || !done->losses.has(*f.loss)) return false;
  }
  if (f.reason.empty()) return true;
  const auto* failed = std::get_if<domain::file_failed>(&file.result);
  return failed != nullptr && to_string(failed->reason) == f.reason;
}

// What a list needs to know of a batch while it goes through its files.
struct listing {
  domain::batch_id batch;
  domain::batch_phase phase = domain::batch_phase::absent;
  live_files live; // null: it has ended
  file_filter filter;
};

struct file_page {
  std::vector<std::pair<persistence::file_record, domain::file_status>> files;
  std::optional<domain::file_index> next;
};

persistence::journal_result<file_page> read_page(const persistence::read_view& journal,
                                                 const listing& l, domain::file_index from,
                                                 std::size_t limit) {
  file_page page;
  std::size_t looked_at = 0;
  const auto ok = journal.each_file(l.batch, from, [&](persistence::file_record&& file) {
    if (page.files.size() == limit || looked_at == limits::rows_per_page_max) {
      page.next = file.index;
      return false;
    }
    looked_at += 1;
    const auto status = status_of(file, l.phase, l.live.get());
    if (fits(l.filter, file, status)) page.files.emplace_back(std::move(file), status);
    return true;
  });
  if (!ok) return std::unexpected(ok.error());
  return page;
}

// The states of files of a batch; none are needed of one that has ended.
task<base::result<actors::batch_view, problem>> view_files(call& c, const named_batch& batch,
                                                           actors::file_range files) {
  const bool ended = domain::is_terminal(batch.facts.phase) && batch.facts.open_files == 0;
  return view_batch(c, batch.id, ended ? actors::file_range{} : files);
}

task<base::result<listing, problem>> begin_listing(call& c, const named_batch& batch) {
  DARKROOM_CO_TRY(filter, read_filter(c));
  DARKROOM_CO_TRY(view, co_await view_files(c, batch, actors::file_range::all()));
  co_return listing{batch.id, view.summary.phase, view.files, std::move(filter)};
}

// All files, a page at a time, as lines of JSON. The first page is short, so that a reader shows
// its rows soon.
task<bool> write_lines(std::shared_ptr<services> s, listing l, domain::file_index from,
                       body_writer& out) {
  for (std::size_t limit = limits::page_default;; limit = limits::page_max) {
    const auto journal = journal_of(*s);
    if (!journal) co_return false;
    const auto page = co_await run_blocking(
        s->blocking, [&journal, &l, from, limit] { return read_page(*journal, l, from, limit); });
    if (!page) co_return false;
    std::string lines;
    for (const auto& [file, status] : page->files)
      lines += file_json(file, status) + '\n';
    const bool sent = co_await out.write(lines);
    if (!sent) co_return false;
    if (!page->next) co_return true;
    from = *page->next;
  }
}

task<route_result> list_files(call& c, const named_batch& batch) {
  DARKROOM_CO_TRY(l, co_await begin_listing(c, batch));
  DARKROOM_CO_TRY(first, number_parameter(c, "from", 0, 0, limits::files_per_batch_max));
  auto from = static_cast<domain::file_index>(first);
  const auto accept = c.rq.header("Accept");
  if (accept.find("application/x-ndjson") != std::string_view::npos) {
    response r;
    r.with("Content-Type", "application/x-ndjson");
    const auto s = shared_services(c.s);
    r.body = stream_body{
        [s, l, from](body_writer& out) -> task<bool> { return write_lines(s, l, from, out); }, {}};
    co_return r;
  }
  if (!accept.empty() && accept.find("application/json") == std::string_view::npos &&
      accept.find("*/*") == std::string_view::npos &&
      accept.find("application/*") == std::string_view::npos)
    co_return std::unexpected(problem{problem_code::not_acceptable,
                                      "Files come as application/json or application/x-ndjson."});
  DARKROOM_CO_TRY(limit, page_limit(c));
  if (const auto cursor = c.rq.parameter("cursor")) {
    const auto [end, error] =
        std::from_chars(cursor->data(), cursor->data() + cursor->size(), from, 16);
    if (cursor->size() != 8 || error != std::errc{} || end != cursor->data() + cursor->size())
      co_return std::unexpected(problem{problem_code::invalid_cursor});
  }
  const auto read = [&l, from, &limit](const journal_view& journal) {
    return read_page(*journal, l, from, limit);
  };
  DARKROOM_CO_TRY(page, co_await read_journal(c, read));
  json::array files;
  for (const auto& [file, status] : page.files)
    files.push_back(file_object(file, status));
  json::object out{{"files", std::move(files)}};
  std::string cursor;
  if (page.next) {
    char text[16];
    std::snprintf(text, sizeof text, "%08x", *page.next);
    cursor = text;
    out["next_cursor"] = cursor;
  }
  auto r = json_response(200, json::serialize(out));
  if (page.next) link_next(r, c, cursor);
  co_return r;
}

task<route_result> get_file(call& c, const named_batch& batch) {
  DARKROOM_CO_TRY(file, co_await find_file(c, batch.id, c.param(1)));
  DARKROOM_CO_TRY(view, co_await view_files(c, batch, {file.index, 1}));
  const auto status = status_of(file, view.summary.phase, view.files.get());
  auto object = file_object(file, status);
  json::array planned;
  if (status == domain::file_status::completed || !view.summary.awaits_names(file.index))
    planned = json::array(file.entry.outputs.begin(), file.entry.outputs.end());
  object["planned_outputs"] = std::move(planned);
  co_return json_response(200, json::serialize(object));
}

// The file of a batch that has this path.
task<base::result<std::pair<domain::file_index, persistence::file_record>, problem>>
find_path(call& c, const domain::batch_id& batch, const std::string& path) {
  actors::add_files_request look;
  look.batch = batch;
  look.only_look = true;
  look.entries.emplace_back().path = path;
  const auto found = co_await c.s.gateway.ask(std::move(look));
  DARKROOM_CO_CHECK(problem_of(found));
  const problem not_found{problem_code::not_found, "There is no such file."};
  const auto* taken =
      std::get_if<actors::path_taken>(&std::get<actors::files_answered>(found).files.front());
  if (taken == nullptr) co_return std::unexpected(not_found);
  const auto index = taken->index;
  const auto read = [&batch, index](const journal_view& journal) {
    return journal->file(batch, index);
  };
  DARKROOM_CO_TRY(file, co_await read_journal(c, read));
  if (!file || file->entry.path != path) co_return std::unexpected(not_found);
  co_return std::pair{index, std::move(*file)};
}

task<route_result> remove_file(call& c, const named_batch& batch) {
  const auto& path = c.param(1);
  c.subject = path;
  DARKROOM_CO_TRY(found, co_await find_path(c, batch.id, path));
  const auto& [index, file] = found;
  actors::batch_request request;
  request.batch = batch.id;
  request.command = domain::remove_file{index, file.entry};
  request.audit = audit_of(c, 204, "ok");
  const auto outcome = co_await c.s.gateway.ask(std::move(request));
  DARKROOM_CO_CHECK(problem_of(outcome));
  c.audited = true;
  if (std::holds_alternative<actors::accepted>(outcome))
    if (const auto blob = persistence::parse_hex(file.entry.source))
      c.s.blobs.drop_reference(*blob);
  response r;
  r.status = 204;
  co_return r;
}

} // namespace

std::vector<route> file_routes() {
  using enum access;
  return {
      {"GET",
       "/v1/batches/{id}/files",
       user,
       "",
       list_files,
       route::browser_use::none,
       {"state", "reason", "loss", "path_prefix", "q", "from", "limit", "cursor"}},
      {"GET", "/v1/batches/{id}/files/{file}", user, "", get_file},
      {"DELETE", "/v1/batches/{id}/files/{file...}", user, "file.remove", remove_file},
  };
}

} // namespace darkroom::http
