// The routes by topic, and what they share.
#pragma once

#include "base/result.hpp"
#include "http/json_body.hpp"
#include "http/ranges.hpp"
#include "http/router.hpp"
#include "http/views.hpp"
#include "persistence/read_view.hpp"

namespace darkroom::http {

std::vector<route> batch_routes();   // batches and what is commanded of them
std::vector<route> file_routes();    // what is in a batch
std::vector<route> content_routes(); // bytes that go in and out
std::vector<route> result_routes();  // reports and ZIP
std::vector<route> event_routes();   // activity log, server-sent events, WebSocket, tickets
std::vector<route> audit_routes();
std::vector<route> backup_routes();
std::vector<route> node_routes();    // machines that convert
std::vector<route> admin_routes();   // tokens, users, oneself
std::vector<route> service_routes(); // health, metrics, formats, problems

using journal_view = std::shared_ptr<const persistence::read_view>;

// The batch that a request names, if whoever asks may see it; else `not_found`, as for one that
// does not exist. Notes it for the audit.
struct named_batch {
  domain::batch_id id;
  actors::usage_board::batch_facts facts;
};
base::result<named_batch, problem> find_batch(call& c, std::string_view id);

// Its state now, also of one that has ended long ago.
task<base::result<actors::batch_view, problem>> view_batch(call& c, const domain::batch_id& id,
                                                           bool with_files);

// Keeps a record together with the entry of the audit that tells of it; false when it is not known
// to be durable, and `not_kept` is what to answer then.
task<bool> keep_audited(call& c, persistence::access_record record, std::string_view action,
                        unsigned status);
problem not_kept();

// What the actors answered, as a problem; nothing when all is well.
std::optional<problem> problem_of(const actors::command_outcome& outcome);
std::optional<problem> problem_of(const actors::files_outcome& outcome);

// The whole body as JSON; an empty one is an empty object.
task<base::result<boost::json::value, problem>> read_json(call& c, std::uint64_t bytes_max,
                                                          std::string* raw = nullptr);
// The same, of at most json_body_bytes_max, where it must be an object.
task<base::result<boost::json::object, problem>> read_object(call& c);

// A number in the query, within bounds.
base::result<std::uint64_t, problem> number_parameter(const call& c, std::string_view name,
                                                      std::uint64_t fallback, std::uint64_t least,
                                                      std::uint64_t most);

// The journal, or why there is none.
base::result<journal_view, problem> open_journal(call& c);
problem journal_problem(const persistence::journal_error& error);

response batch_response(unsigned status, const actors::batch_view& view);
std::string etag_of(domain::seq seq);
// Whether one of the tags in `If-None-Match` or `If-Match` is this one.
bool has_tag(std::string_view header, std::string_view tag);
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
// Which part of so many bytes was asked for: notes it in the answer (206, Content-Range); an answer
// instead when nothing is there (416). A part counts only if `If-Range` agrees with the tag.
base::result<byte_range, response> ranged(const call& c, response& r, std::uint64_t size,
                                          std::string_view tag);

} // namespace darkroom::http
