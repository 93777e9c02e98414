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
    if (!wish.filter.batch) return std::unexpected(problem{"invalid_id", "A batch id is a UUID."});
  }
  const auto after = number_parameter(c, "after", 0, 0, INT64_MAX);
  if (!after) return std::unexpected(after.error());
  wish.after = *after;
  const auto limit = number_parameter(c, "limit", limits::page_default, 1, limits::page_max);
  if (!limit) return std::unexpected(limit.error());
  wish.limit = *limit;
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

task<response> audit(call& c) {
  c.owner = "*"; // that it was looked at is kept as well
  const auto wish = read_wish(c);
  if (!wish) co_return problem_response(wish.error(), c.rq);
  if (c.rq.header("Accept").find("application/x-ndjson") != std::string_view::npos) {
    response r;
    r.with("Content-Type", "application/x-ndjson");
    const auto write = [s = &c.s, wish = *wish](body_writer& out) {
      return write_all(s, wish, out);
    };
    r.body = stream_body{write, {}};
    co_return r;
  }
  const auto journal = open_journal(c);
  if (!journal) co_return problem_response(journal.error(), c.rq);
  const auto read = [&journal, &wish] { return read_page(**journal, *wish); };
  const auto page = co_await run_blocking(c.s.blocking, read);
  if (!page) co_return problem_response(journal_problem(page.error()), c.rq);
  co_return json_page(c, "entries", *page);
}

} // namespace

std::vector<route> audit_routes() {
  return {{"GET", "/v1/admin/audit", access::admin, "audit.read", audit}};
}

} // namespace darkroom::http
