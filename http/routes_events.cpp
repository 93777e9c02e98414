// What happens: the activity log of a batch page by page, the same as a stream of server-sent
// events, and the WebSocket for many batches at once; tickets for browsers.
#include "base/clock.hpp"
#include "http/event_views.hpp"
#include "http/feed_session.hpp"
#include "http/limits.hpp"
#include "http/routes.hpp"
#include "http/sse_session.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

namespace darkroom::http {

namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

struct page_wish {
  domain::batch_id batch;
  domain::seq after = 0, upto = 0;
  std::size_t limit = limits::page_default;
  bool as_log = false;
};

persistence::journal_result<line_page> read_page(const journal_view& journal,
                                                 const page_wish& wish) {
  const auto run = journal->events_between({wish.batch, {}}, wish.after, wish.upto, wish.limit);
  if (!run) return std::unexpected(run.error());
  line_page page;
  for (const auto& e : run->events)
    page.lines.push_back(wish.as_log ? event_line(e, *journal) : event_json(e, journal));
  if (run->more) page.next = run->read;
  return page;
}

task<route_result> activity_page(call& c, const domain::batch_id& batch, domain::seq after) {
  page_wish wish{batch, after};
  DARKROOM_CO_TRY(limit, page_limit(c));
  wish.limit = limit;
  const auto form = c.rq.parameter("view").value_or("json");
  if (form != "json" && form != "log")
    co_return std::unexpected(problem{problem_code::invalid_parameter, "view is json or log."});
  wish.as_log = form == "log";
  // What the answer to a command has told is there, whether the feed has come by or not.
  DARKROOM_CO_TRY(view, co_await view_batch(c, batch));
  wish.upto = std::max(c.s.events.last_seq(), view.summary.seq);
  const auto read = [&wish](const journal_view& journal) { return read_page(journal, wish); };
  DARKROOM_CO_TRY(page, co_await read_journal(c, read));
  if (!wish.as_log) co_return json_page(c, "events", page);
  std::string text;
  for (const auto& line : page.lines)
    text += line + '\n';
  response r;
  r.with("Content-Type", "text/plain; charset=utf-8");
  if (page.next) link_after(r, c, *page.next);
  r.body = std::move(text);
  co_return r;
}

// Places are held as long as the answer lives.
struct held_places {
  stream_registry::place of_user, of_batch;
};

task<route_result> event_source(call& c, const domain::batch_id& batch, domain::seq after) {
  auto of_user = c.s.streams.enter(c.rq.address, c.who.user);
  if (!of_user) co_return std::unexpected(full_problem(of_user.error(), c.s.settings.feed));
  auto of_batch = c.s.streams.follow(c.who.user, batch);
  if (!of_batch) co_return std::unexpected(full_problem(of_batch.error(), c.s.settings.feed));
  const auto places =
      std::make_shared<held_places>(held_places{std::move(*of_user), std::move(*of_batch)});
  const auto session = std::make_shared<sse_session>(c.s, c.who, event_scope{batch, {}}, after);
  response r;
  r.with("Content-Type", "text/event-stream");
  r.with("Cache-Control", "no-store");
  r.with("X-Accel-Buffering", "no"); // of proxies
  r.closes = true;
  r.body = stream_body{[session, places](body_writer& out) { return session->run(out); }, {}};
  co_return r;
}

bool accepts(const request& rq, std::string_view type) {
  return rq.header("Accept").find(type) != std::string_view::npos;
}

task<route_result> events(call& c, const named_batch& batch) {
  DARKROOM_CO_TRY(after, number_parameter(c, "after", 0, 0, INT64_MAX));
  if (!accepts(c.rq, "text/event-stream")) co_return co_await activity_page(c, batch.id, after);
  // What a browser says of itself when it comes back goes before what its address says.
  if (const auto last = c.rq.header("Last-Event-ID"); !last.empty()) {
    const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), after);
    if (error != std::errc{} || end != last.data() + last.size())
      co_return std::unexpected(
          problem{problem_code::invalid_parameter, "Last-Event-ID is the seq of an event."});
  }
  DARKROOM_CO_CHECK(check_after(c.s, after));
  co_return co_await event_source(c, batch.id, after);
}

// A page of another server would be served in the name of whoever looks at it.
bool allowed_origin(const call& c) {
  const std::string origin{c.rq.header("Origin")};
  if (origin.empty()) return true; // no browser
  if (c.s.origins.has(origin)) return true;
  const auto authority = origin.find("://");
  if (authority == std::string::npos || c.rq.count("Origin") != 1) return false;
  if (c.rq.secure && !origin.starts_with("https://")) return false;
  return same_word(std::string_view(origin).substr(authority + 3), c.rq.header("Host"));
}

task<route_result> live(call& c) {
  DARKROOM_CO_CHECK(check_upgrade(c.rq));
  if (!allowed_origin(c)) co_return std::unexpected(problem{problem_code::forbidden_origin});
  const auto offered = offered_subprotocols(c.rq);
  if (std::ranges::find(offered, feed_subprotocol) == offered.end())
    co_return std::unexpected(
        problem{problem_code::bad_request, "Offer the subprotocol darkroom.v1."});
  auto place = c.s.streams.enter(c.rq.address, c.who.user);
  if (!place && place.error() == stream_registry::full::address)
    co_return std::unexpected(full_problem(place.error(), c.s.settings.feed));
  response r;
  r.with("Sec-WebSocket-Protocol", std::string{feed_subprotocol});
  upgrade_body body;
  body.idle = std::chrono::seconds(c.s.settings.feed.idle_s);
  if (place) {
    const auto held = std::make_shared<stream_registry::place>(std::move(*place));
    auto about = audit_of(c, 101, "ok");
    about.action = "feed";
    body.serve = [s = shared_services(c.s), who = c.who, about, held](web_socket& socket) {
      return feed_session::serve(std::make_shared<feed_session>(*s, socket, who, about));
    };
  } else { // a browser shows its page the code of a close, and nothing of a refusal
    body.serve = [why = full_problem(place.error(), c.s.settings.feed)](web_socket& socket) {
      return feed_session::refuse(socket, why);
    };
  }
  r.body = std::move(body);
  co_return r;
}

response ticket_response(const std::string& ticket, std::uint32_t ms) {
  auto r =
      json_response(201, json::serialize(json::object{{"ticket", ticket}, {"expires_in_ms", ms}}));
  r.with("Cache-Control", "no-store");
  return r;
}

// What a ticket for a download may open: a download of a batch that its holder may see.
base::result<void, problem> check_download(call& c, const std::string& path) {
  request named;
  const auto invalid = [](std::string detail) {
    return std::unexpected(
        invalid_body({{"/download", problem_code::invalid_value, std::move(detail)}}));
  };
  if (!read_target(named, path) || !named.query.empty())
    return invalid("is a path without a query");
  const auto way = find_route("GET", named.segments);
  if (way.target == nullptr || way.target->in_browser != route::browser_use::download)
    return invalid("is the path of no download");
  return check_may_see(c, way.params.at(0));
}

task<route_result> create_ticket(call& c) {
  const auto now = base::unix_now_us();
  std::string download;
  DARKROOM_CO_CHECK(co_await read_members(
      c, [&](object_reader& r) { r.text("download", download, limits::target_bytes_max); }));
  if (!download.empty()) {
    DARKROOM_CO_CHECK(check_download(c, download));
    co_return ticket_response(c.s.tickets.issue_download(c.who, std::move(download), now),
                              limits::download_ticket_ms);
  }
  const auto ticket = c.s.tickets.issue(c.who, now);
  if (!ticket) {
    problem p{problem_code::quota_exceeded, "There are too many tickets that were not used."};
    p.retry_after_s = limits::ticket_ms / 1'000;
    co_return std::unexpected(std::move(p));
  }
  co_return ticket_response(*ticket, limits::ticket_ms);
}

} // namespace

std::vector<route> event_routes() {
  using enum access;
  return {
      {"GET",
       "/v1/batches/{id}/events",
       user,
       "",
       events,
       route::browser_use::feed,
       {"after", "limit", "view"}},
      {"GET", "/v1/events", user, "", live, route::browser_use::feed},
      {"POST", "/v1/tickets", user, "", create_ticket},
  };
}

} // namespace darkroom::http
