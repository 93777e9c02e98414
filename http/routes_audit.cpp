// Who did what to what: the audit, page by page or all of it.
#include "base/result.hpp"
#include "http/blocking.hpp"
#include "http/limits.hpp"
#include "http/routes.hpp"
#include "http/views.hpp"

#include <algorithm>

namespace darkroom::http {

namespace {

struct audit_wish {
  persistence::audit_filter filter;
  domain::seq after = 0;
  std::size_t limit = limits::page_default;
};

base::result<audit_wish, problem> read_wish(const call& c) {
  audit_wish wish;
  wish.filter.user = c.rq.parameter("user").value_or("");
  wish.filter.action = c.rq.parameter("action").value_or("");
  if (const auto batch = c.rq.parameter("batch")) {
    wish.filter.batch = domain::parse_batch_id(*batch);
    if (!wish.filter.batch)
      return std::unexpected(problem{problem_code::invalid_id, "A batch id is a UUID."});
  }
  DARKROOM_TRY(after, number_parameter(c, "after", 0, 0, INT64_MAX));
  DARKROOM_TRY(limit, page_limit(c));
  wish.after = after;
  wish.limit = limit;
  return wish;
}

persistence::journal_result<line_page> read_page(const persistence::read_view& journal,
                                                 const audit_wish& wish) {
  line_page page;
  std::size_t looked_at = 0;
  const auto ok = journal.each_audit(wish.after, [&](persistence::audit_entry&& e) {
    if (page.lines.size() == wish.limit || looked_at == limits::rows_per_page_max) return false;
    looked_at += 1;
    page.next = e.seq;
    if (wish.filter.fits(e)) page.lines.push_back(audit_json(e));
    return true;
  });
  if (!ok) return std::unexpected(ok.error());
  if (page.lines.size() < wish.limit && looked_at < limits::rows_per_page_max) page.next.reset();
  return page;
}

task<bool> write_all(services* s, audit_wish wish, body_writer& out) {
  wish.limit = limits::page_max;
  for (bool more = true; more;) {
    const auto journal = journal_of(*s);
    if (!journal) co_return false;
    const auto read = [&journal, &wish] { return read_page(*journal, wish); };
    const auto page = co_await run_blocking(s->blocking, read);
    if (!page) co_return false;
    std::string text;
    for (const auto& line : page->lines)
      text += line + '\n';
    const bool sent = co_await out.write(text);
    if (!sent) co_return false;
    more = page->next.has_value();
    wish.after = page->next.value_or(wish.after);
  }
  co_return true;
}

task<route_result> get_audit(call& c) {
  c.owner = "*"; // that it was looked at is kept as well
  DARKROOM_CO_TRY(wish, read_wish(c));
  if (c.rq.header("Accept").find("application/x-ndjson") != std::string_view::npos) {
    response r;
    r.with("Content-Type", "application/x-ndjson");
    const auto write = [s = &c.s, wish](body_writer& out) { return write_all(s, wish, out); };
    r.body = stream_body{write, {}};
    co_return r;
  }
  const auto read = [&wish](const journal_view& journal) { return read_page(*journal, wish); };
  DARKROOM_CO_TRY(page, co_await read_journal(c, read));
  co_return json_page(c, "entries", page);
}

} // namespace

std::vector<route> audit_routes() {
  return {{"GET",
           "/v1/admin/audit",
           access::admin,
           "audit.read",
           get_audit,
           route::browser_use::none,
           {"user", "action", "batch", "after", "limit"}}};
}

} // namespace darkroom::http
