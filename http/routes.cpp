#include "http/routes.hpp"

#include "base/encoding.hpp"
#include "base/result.hpp"
#include "http/blocking.hpp"
#include "http/limits.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>

namespace darkroom::http {

problem not_yours(const services& s, const domain::batch_id& id, bool is_there) {
  if (is_there && !s.settings.auth.hides_foreign_batches())
    return {problem_code::not_owner,
            "Batch " + domain::to_string(id) + " belongs to another user."};
  return {problem_code::not_found, "There is no batch " + domain::to_string(id) + " of yours."};
}

base::result<named_batch, problem> find_batch(call& c, std::string_view text) {
  const auto id = domain::parse_batch_id(text);
  if (!id) return std::unexpected(problem{problem_code::invalid_id, "A batch id is a UUID."});
  const auto facts = c.s.gateway.actors().usage().find(*id);
  if (facts) {
    c.batch = *id;
    c.owner = facts->owner;
  }
  if (!facts || (facts->owner != c.who.user && !c.who.is_admin()))
    return std::unexpected(not_yours(c.s, *id, facts.has_value()));
  return named_batch{*id, *facts};
}

base::result<void, problem> check_may_see(call& c, std::string_view id) {
  const auto found = find_batch(c, id);
  if (!found) return std::unexpected(found.error());
  return {};
}

task<base::result<void, problem>> keep_audited(call& c, persistence::access_record record,
                                               unsigned status) {
  std::vector<persistence::access_record> records;
  records.push_back(std::move(record));
  records.emplace_back(audit_of(c, status, "ok"));
  c.audited = co_await c.s.gateway.keep(std::move(records));
  if (c.audited) co_return base::result<void, problem>{};
  problem p{problem_code::in_doubt};
  p.retry_after_s = 1;
  co_return std::unexpected(std::move(p));
}

base::result<journal_view, problem> open_journal(call& c) {
  auto view = journal_of(c.s);
  if (!view) return std::unexpected(journal_problem());
  return view;
}

task<base::result<persistence::file_record, problem>>
find_file(call& c, const domain::batch_id& batch, std::string_view number) {
  domain::file_index index = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
  if (error != std::errc{} || end != number.data() + number.size())
    co_return std::unexpected(problem{problem_code::invalid_id, "A file is named by its number."});
  const auto read = [&batch, index](const journal_view& journal) {
    return journal->file(batch, index);
  };
  DARKROOM_CO_TRY(found, co_await read_journal(c, read));
  if (!found) co_return std::unexpected(problem{problem_code::not_found, "There is no such file."});
  co_return std::move(*found);
}

std::string attachment_header(std::string_view name) {
  std::string ascii;
  for (const unsigned char ch : name)
    ascii += ch < 0x20 || ch >= 0x7f || ch == '"' || ch == '\\' || ch == '%'
                 ? '_'
                 : static_cast<char>(ch);
  return "attachment; filename=\"" + ascii + "\"; filename*=UTF-8''" + base::percent_encoded(name);
}

void protect_content(response& r) {
  r.with("Content-Security-Policy", "default-src 'none'; sandbox");
  r.with("Cache-Control", "private, no-cache");
}

task<base::result<actors::batch_view, problem>> view_batch(call& c, const domain::batch_id& id,
                                                           actors::file_range files) {
  const actors::describe_batch question{id, files};
  auto view = co_await c.s.gateway.ask(question);
  if (view.found && view.summary.phase == domain::batch_phase::deleted)
    co_return std::unexpected(problem{problem_code::not_found});
  if (view.found) co_return view;
  const auto read = [&id](const journal_view& journal) { return journal->summary(id); };
  DARKROOM_CO_TRY(summary, co_await read_journal(c, read));
  if (!summary) co_return std::unexpected(problem{problem_code::not_found});
  view.found = true;
  view.summary = *summary;
  co_return view;
}

namespace {

struct problem_writer {
  using answer = std::optional<problem>;
  answer operator()(const actors::accepted&) const { return std::nullopt; }
  answer operator()(const actors::unchanged&) const { return std::nullopt; }
  answer operator()(const actors::files_answered&) const { return std::nullopt; }
  answer operator()(const actors::in_doubt&) const {
    problem p{problem_code::in_doubt};
    p.retry_after_s = 1;
    return p;
  }
  answer operator()(const actors::rejected& outcome) const {
    const auto& refusal = outcome.refusal;
    problem p{problem_code_of(refusal.code), refusal.detail};
    p.state = to_string(outcome.view.summary.phase);
    p.allowed.assign(refusal.allowed.begin(), refusal.allowed.end());
    return p;
  }
  answer operator()(const actors::not_found&) const { return problem{problem_code::not_found}; }
  answer operator()(const actors::stale&) const {
    return problem{problem_code::precondition_failed};
  }
};

} // namespace

std::optional<problem> problem_of(const actors::command_outcome& outcome) {
  return std::visit(problem_writer{}, outcome);
}

std::optional<problem> problem_of(const actors::files_outcome& outcome) {
  return std::visit(problem_writer{}, outcome);
}

task<base::result<boost::json::value, problem>> read_json(call& c, std::uint64_t bytes_max,
                                                          std::string* raw) {
  const auto type = c.rq.header("Content-Type");
  std::string kind{type.substr(0, type.find_first_of("; "))};
  std::ranges::transform(kind, kind.begin(),
                         [](unsigned char ch) { return static_cast<char>(std::tolower(ch)); });
  const bool is_json = kind == "application/json";
  if (c.rq.has_body() && !is_json)
    co_return std::unexpected(
        problem{problem_code::unsupported_media_type, "Send Content-Type: application/json."});
  DARKROOM_CO_CHECK(check_coding(c.rq));
  const problem too_large{problem_code::too_large,
                          "A JSON body here has at most " + std::to_string(bytes_max) + " bytes."};
  if (c.rq.content_length.value_or(0) > bytes_max) co_return std::unexpected(too_large);
  std::string text;
  while (true) {
    DARKROOM_CO_TRY(piece, co_await c.body.read());
    if (piece.empty()) break;
    if (text.size() + piece.size() > bytes_max) co_return std::unexpected(too_large);
    text.append(piece.data(), piece.size());
  }
  if (raw != nullptr) *raw = text;
  if (text.empty()) co_return boost::json::value(boost::json::object{});
  co_return parse_json(text);
}

task<base::result<boost::json::object, problem>> read_object(call& c) {
  DARKROOM_CO_TRY(body, co_await read_json(c, limits::json_body_bytes_max));
  if (!body.is_object())
    co_return std::unexpected(problem{problem_code::invalid_value, "The body is an object."});
  co_return std::move(body.get_object());
}

base::result<std::uint64_t, problem> number_parameter(const call& c, std::string_view name,
                                                      std::uint64_t fallback, std::uint64_t least,
                                                      std::uint64_t most) {
  const auto text = c.rq.parameter(name);
  if (!text) return fallback;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size() || value < least || value > most)
    return std::unexpected(
        problem{problem_code::invalid_parameter, std::string{name} + " is a number from " +
                                                     std::to_string(least) + " to " +
                                                     std::to_string(most) + "."});
  return value;
}

base::result<std::uint64_t, problem> page_limit(const call& c) {
  return number_parameter(c, "limit", limits::page_default, 1, limits::page_max);
}

std::string etag_of(domain::seq seq) {
  return "W/\"" + std::to_string(seq) + '"';
}

namespace {

// Whether one of the tags of a list fits.
bool any_tag(std::string_view header, const std::function<bool(std::string_view)>& fits) {
  while (!header.empty()) {
    const auto end = std::min(header.find(','), header.size());
    const auto one = trimmed(header.substr(0, end));
    if (one == "*" || fits(one)) return true;
    header.remove_prefix(std::min(end + 1, header.size()));
  }
  return false;
}

std::string_view without_weakness(std::string_view tag) {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  return tag;
}

} // namespace

bool has_tag(std::string_view header, std::string_view tag) {
  const auto same = [wanted = without_weakness(tag)](std::string_view one) {
    return without_weakness(one) == wanted;
  };
  return any_tag(header, same);
}

std::optional<problem> check_if_match(const request& rq, std::string_view tag) {
  if (rq.count("If-Match") == 0) return std::nullopt;
  if (any_tag(rq.header("If-Match"), [tag](std::string_view one) { return one == tag; }))
    return std::nullopt;
  return problem{problem_code::precondition_failed, "It is not what If-Match names."};
}

std::optional<problem> check_coding(const request& rq) {
  const auto coding = trimmed(rq.header("Content-Encoding"));
  if (coding.empty() || same_word(coding, "identity")) return std::nullopt;
  problem p{problem_code::unsupported_media_type,
            "Send the bytes as they are, without Content-Encoding."};
  p.headers.emplace_back("Accept-Encoding", "identity"); // RFC 9110, section 15.5.16
  return p;
}

response batch_response(unsigned status, const actors::batch_view& view) {
  auto r = json_response(status, boost::json::serialize(batch_object(view)));
  r.with("ETag", etag_of(view.summary.seq));
  r.with("Cache-Control", "no-cache");
  return r;
}

base::result<byte_range, problem> ranged(const call& c, response& r, std::uint64_t size,
                                         std::string_view tag) {
  r.with("Accept-Ranges", "bytes");
  const auto if_range = c.rq.header("If-Range");
  const auto asked =
      if_range.empty() || if_range == tag ? read_range(c.rq.header("Range"), size) : range_answer{};
  const auto of = '/' + std::to_string(size);
  if (asked.verdict == range_verdict::whole) return byte_range{0, size};
  if (asked.verdict == range_verdict::not_satisfiable) {
    problem refused{problem_code::range_not_satisfiable};
    refused.headers.emplace_back("Content-Range", "bytes *" + of);
    return std::unexpected(std::move(refused));
  }
  r.status = 206;
  const auto& part = asked.range;
  r.with("Content-Range", "bytes " + std::to_string(part.first) + '-' +
                              std::to_string(part.first + part.length - 1) + of);
  return part;
}

namespace {

void link(response& r, const call& c, std::string_view parameter, const std::string& value) {
  std::string url = c.rq.target + '?';
  for (const auto& [name, kept] : c.rq.query)
    // A ticket has been used.
    if (name != parameter && name != "ticket")
      url += base::percent_encoded(name) + '=' + base::percent_encoded(kept) + '&';
  url.append(parameter).append("=").append(value);
  r.with("Link", '<' + url + ">; rel=\"next\"");
}

} // namespace

void link_next(response& r, const call& c, const std::string& cursor) {
  link(r, c, "cursor", cursor);
}

void link_after(response& r, const call& c, domain::seq after) {
  link(r, c, "after", std::to_string(after));
}

response json_page(const call& c, std::string_view name, const line_page& page) {
  std::string text = "{\"";
  text.append(name).append("\":[");
  for (const auto& line : page.lines)
    text.append(&line == &page.lines.front() ? "" : ",").append(line);
  text += ']';
  if (page.next) text.append(",\"next_after\":").append(std::to_string(*page.next));
  auto r = json_response(200, std::move(text) + '}');
  r.with("Cache-Control", "no-cache");
  if (page.next) link_after(r, c, *page.next);
  return r;
}

std::optional<problem> check_after(services& s, domain::seq after) {
  const auto journal = journal_of(s);
  const auto newest = std::max(s.events.last_seq(), journal ? journal->last_seq() : after);
  if (after <= newest && after <= INT64_MAX) return std::nullopt;
  return problem{problem_code::invalid_parameter, "That is larger than the newest seq, " +
                                                      std::to_string(newest) +
                                                      ": of another server, or of an older one?"};
}

} // namespace darkroom::http
