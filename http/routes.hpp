// The routes by topic, and what they share.
#pragma once

#include "base/result.hpp"
#include "http/blocking.hpp"
#include "http/json_body.hpp"
#include "http/ranges.hpp"
#include "http/router.hpp"
#include "http/views.hpp"
#include "persistence/read_view.hpp"

namespace darkroom::http {

std::vector<route> batch_routes();   // batches and what is commanded of them
std::vector<route> file_routes();    // what is in a batch
std::vector<route> content_routes(); // bytes that go in and out
std::vector<route> preview_routes(); // pictures to look at, which are kept nowhere
std::vector<route> result_routes();  // reports and ZIP
std::vector<route> event_routes();   // activity log, server-sent events, WebSocket, tickets
std::vector<route> audit_routes();
std::vector<route> backup_routes();
std::vector<route> node_routes();    // machines that convert
std::vector<route> admin_routes();   // tokens, users, oneself
std::vector<route> service_routes(); // health, metrics, formats, problems
std::vector<route> page_routes();    // the page for people

using journal_view = std::shared_ptr<const persistence::read_view>;

// Why a batch is not for the caller: it does not exist, or is somebody else's, which may be hidden.
problem not_yours(const services& s, const domain::batch_id& id, bool is_there);
// The batch that a request names, if the caller may see it; else `not_yours`. Notes it for the
// audit.
base::result<named_batch, problem> find_batch(call& c, std::string_view id);
// Only whether the caller may see it.
base::result<void, problem> check_may_see(call& c, std::string_view id);
// The file of a batch that is named by its number.
task<base::result<persistence::file_record, problem>>
find_file(call& c, const domain::batch_id& batch, std::string_view number);

// `Content-Disposition` of a download with a name that any browser reads (RFC 6266, RFC 8187).
std::string attachment_header(std::string_view name);
// A picture that a user has sent: whatever it holds, a browser runs nothing of it.
void protect_content(response& r);

// Its state now, also of one that has ended long ago; with the states of these of its files.
task<base::result<actors::batch_view, problem>> view_batch(call& c, const domain::batch_id& id,
                                                           actors::file_range files = {});

// Keeps a record together with the entry of the audit that tells of it; `in_doubt` when it is not
// known to be durable.
task<base::result<void, problem>> keep_audited(call& c, persistence::access_record record,
                                               unsigned status);

// What the actors answered, as a problem; nothing when all is well.
std::optional<problem> problem_of(const actors::command_outcome& outcome);
std::optional<problem> problem_of(const actors::files_outcome& outcome);

// The whole body as JSON; an empty one is an empty object.
task<base::result<boost::json::value, problem>> read_json(call& c, std::uint64_t bytes_max,
                                                          std::string* raw = nullptr);
// The same, of at most json_body_bytes_max, where it must be an object.
task<base::result<boost::json::object, problem>> read_object(call& c);
// The same, and `read` takes its members out of an `object_reader`: nothing else may be in it.
template<class Read>
task<base::result<void, problem>> read_members(call& c, Read read) {
  DARKROOM_CO_TRY(body, co_await read_object(c));
  std::vector<field_error> errors;
  object_reader r(body, "", errors);
  read(r);
  r.finish();
  if (!errors.empty()) co_return std::unexpected(invalid_body(std::move(errors)));
  co_return base::result<void, problem>{};
}

// A number in the query, within bounds.
base::result<std::uint64_t, problem> number_parameter(const call& c, std::string_view name,
                                                      std::uint64_t fallback, std::uint64_t least,
                                                      std::uint64_t most);
// How many rows a page is to have.
base::result<std::uint64_t, problem> page_limit(const call& c);

// The journal, or why there is none.
base::result<journal_view, problem> open_journal(call& c);
// What `read` returns when it is called with the journal, where it may block.
template<class Read, class Found = std::invoke_result_t<Read&, const journal_view&>>
task<base::result<typename Found::value_type, problem>> read_journal(call& c, Read read) {
  DARKROOM_CO_TRY(journal, open_journal(c));
  const auto work = [&journal, &read] { return read(std::as_const(journal)); };
  DARKROOM_CO_TRY(found, co_await run_blocking(c.s.blocking, work));
  co_return std::move(found);
}

response batch_response(unsigned status, const actors::batch_view& view);
// Of a batch: weak, because what is shown beside its seq (speed, time left) changes without it.
std::string etag_of(domain::seq seq);
// Whether one of the tags in `If-None-Match` is this one (weak comparison, RFC 9110, 8.8.3.2).
bool has_tag(std::string_view header, std::string_view tag);
// 412 when there is an `If-Match` without this tag (strong comparison).
std::optional<problem> check_if_match(const request& rq, std::string_view tag);
// 415 when the body comes in a content coding: none is decoded.
std::optional<problem> check_coding(const request& rq);
// Adds `Link: rel="next"` for a list that goes on at this cursor.
void link_next(response& r, const call& c, const std::string& cursor);
// The same for a list that goes on after a seq.
void link_after(response& r, const call& c, domain::seq after);
// A page of objects that are JSON already, and where it goes on, if it does.
struct line_page {
  std::vector<std::string> lines;
  std::optional<domain::seq> next;
};
response json_page(const call& c, std::string_view name, const line_page& page);
// What is wrong with the seq that a client has seen last: it may be larger than any there is.
std::optional<problem> check_after(services& s, domain::seq after);
// Which part of so many bytes was asked for: notes it in the answer (206, Content-Range). A part
// counts only if `If-Range` agrees with the tag.
base::result<byte_range, problem> ranged(const call& c, response& r, std::uint64_t size,
                                         std::string_view tag);

} // namespace darkroom::http
