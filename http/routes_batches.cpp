// Batches, and what is commanded of them.
#include "actors/limits.hpp"
#include "base/clock.hpp"
#include "base/parse_time.hpp"
#include "base/result.hpp"
#include "domain/limits.hpp"
#include "domain/portable_names.hpp"
#include "http/batch_commands.hpp"
#include "http/field_json.hpp"
#include "http/limits.hpp"
#include "http/request_id.hpp"
#include "http/routes.hpp"
#include "http/spec_json.hpp"
#include "http/uploads.hpp"
#include "http/views.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <charconv>
#include <span>

namespace darkroom::http {

namespace {

namespace json = boost::json;
using actors::batch_request;

base::result<domain::create_batch, problem> read_creation(const call& c, const json::value& body) {
  std::vector<field_error> errors;
  domain::create_batch create;
  create.owner = c.who.user;
  if (!body.is_object())
    return std::unexpected(problem{problem_code::invalid_value, "The body is an object."});
  object_reader r(body.get_object(), "", errors);
  for_each_field(attributes_of(create), field_reader(r, errors));
  if (const auto* spec = r.object("spec"))
    create.spec = read_spec(*spec, "/spec", c.s.formats.writable, errors);
  else if (!r.has("spec"))
    r.wrong("spec", problem_code::invalid_value, "is missing");
  r.finish();
  if (!errors.empty()) return std::unexpected(invalid_body(std::move(errors)));
  return create;
}

// What an earlier request with the same key made, if there was one.
task<base::result<std::optional<persistence::idempotency_record>, problem>>
find_earlier(call& c, const std::string& key, const persistence::digest& request) {
  const auto read = [&c, &key](const journal_view& journal) {
    return journal->idempotent_request(c.who.user, key);
  };
  DARKROOM_CO_TRY(found, co_await read_journal(c, read));
  const auto oldest =
      base::unix_now_us() - static_cast<std::int64_t>(limits::idempotency_s) * 1'000'000;
  if (!found || found->time_us < oldest) co_return std::nullopt;
  if (found->request_sha256 != request)
    co_return std::unexpected(problem{problem_code::idempotency_key_reused});
  co_return found;
}

response created(const actors::batch_view& view, bool replayed) {
  auto r = batch_response(201, view);
  r.with("Location", "/v1/batches/" + domain::to_string(view.summary.id));
  if (replayed) r.with("Idempotent-Replayed", "true");
  return r;
}

// The batch as it was when it was made, although it is deleted now: the request tells.
base::result<actors::batch_view, problem> as_made(const domain::create_batch& command,
                                                  const persistence::idempotency_record& record) {
  domain::batch_state state;
  if (!domain::execute(state, command)) // no longer allowed
    return std::unexpected(problem{problem_code::not_found, "The batch is deleted."});
  actors::batch_view view{.found = true};
  auto& summary = view.summary;
  persistence::describe(summary, state);
  summary.id = record.batch;
  summary.seq = summary.command_seq = record.seq;
  summary.created_us = record.created_us != 0 ? record.created_us : record.time_us;
  summary.changed_us = record.time_us;
  return view;
}

// The response to a request that made a batch before.
task<route_result> replay(call& c, const domain::create_batch& command,
                          const persistence::idempotency_record& record) {
  c.audited = true; // nothing was done
  auto view = co_await view_batch(c, record.batch);
  const bool deleted = !view && view.error().code == problem_code::not_found;
  if (deleted) view = as_made(command, record);
  DARKROOM_CO_TRY(shown, std::move(view));
  co_return created(shown, true);
}

task<route_result> create(call& c) {
  std::string raw;
  DARKROOM_CO_TRY(body, co_await read_json(c, limits::json_body_bytes_max, &raw));
  DARKROOM_CO_TRY(command, read_creation(c, body));

  const std::string key{c.rq.header("Idempotency-Key")};
  std::optional<busy_set::hold> hold;
  if (!key.empty()) {
    if (key.size() > limits::idempotency_key_bytes_max)
      co_return std::unexpected(
          problem{problem_code::bad_request, "An Idempotency-Key has at most 128 bytes."});
    hold = c.s.requests.take(c.who.user + '\0' + key);
    if (!hold) {
      problem p{problem_code::request_in_progress};
      p.retry_after_s = 1;
      co_return std::unexpected(std::move(p));
    }
    persistence::sha256 sum;
    sum.add({reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()});
    command.idempotency_key = key;
    command.request_sha256 = sum.finish();
    DARKROOM_CO_TRY(earlier, co_await find_earlier(c, key, command.request_sha256));
    if (earlier) co_return co_await replay(c, command, *earlier);
  }
  DARKROOM_CO_CHECK(check_room(c));
  // Held until the batch counts itself.
  DARKROOM_CO_TRY(room, c.s.quotas.reserve(c.who.user, {.batches = 1}));
  batch_request request;
  // The same key gets the same id, also while nobody knows whether the first request was done.
  const auto attempt = key.empty()
                           ? attempted_ids::attempt{domain::new_batch_id(), true}
                           : c.s.attempts.attempt_for(c.who.user + '\0' + key, base::unix_now_us(),
                                                      domain::new_batch_id);
  request.batch = attempt.batch;
  request.new_id = attempt.first;
  request.command = std::move(command);
  c.batch = request.batch;
  c.owner = c.who.user;
  request.audit = audit_of(c, 201, "ok");
  const auto outcome = co_await c.s.gateway.ask(std::move(request));
  // Refused, because an earlier request with this key was done; not: in doubt itself.
  const auto* refused = std::get_if<actors::rejected>(&outcome);
  const bool was_made = refused != nullptr && !key.empty() &&
                        refused->view.summary.phase != domain::batch_phase::absent;
  const auto* made = actors::resulting_view(outcome);
  c.audited = made != nullptr || was_made;
  if (was_made) co_return created(refused->view, true);
  DARKROOM_CO_CHECK(problem_of(outcome));
  co_return created(*made, false);
}

std::string cursor_of(const persistence::batch_summary& last) {
  char time[24];
  const int n =
      std::snprintf(time, sizeof time, "%016llx", static_cast<unsigned long long>(last.created_us));
  return std::string(time, static_cast<std::size_t>(n)) + domain::to_string(last.id);
}

std::optional<persistence::list_position> read_cursor(const std::string& text) {
  persistence::list_position at;
  if (text.size() != 16 + 36) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + 16, at.created_us, 16);
  const auto id = domain::parse_batch_id(std::string_view(text).substr(16));
  if (error != std::errc{} || end != text.data() + 16 || !id) return std::nullopt;
  at.batch = *id;
  return at;
}

struct list_wish {
  std::optional<std::string> owner;
  std::optional<persistence::list_position> before;
  std::string state, tag;
  bool live = false; // the state is one of batches that have not ended
  std::string part;  // of the name, a tag or the id; folded
  std::optional<std::int64_t> created_after_us, created_before_us;
  std::size_t limit = limits::page_default;
};

base::result<std::optional<std::int64_t>, problem> time_parameter(const call& c,
                                                                  std::string_view name) {
  const auto text = c.rq.parameter(name);
  if (!text) return std::optional<std::int64_t>{};
  const auto time = base::parse_time(*text);
  if (!time)
    return std::unexpected(problem{problem_code::invalid_parameter,
                                   std::string{name} +
                                       " is a date (2026-11-21) or a time with its offset "
                                       "(2026-11-21T10:15:02Z)."});
  return time;
}

base::result<list_wish, problem> read_list_wish(call& c) {
  list_wish wish;
  wish.state = c.rq.parameter("state").value_or("");
  wish.tag = c.rq.parameter("tag").value_or("");
  const auto owner = c.rq.parameter("owner");
  if (owner) c.owner = *owner; // for the audit: whose batches are looked at
  if (owner && *owner != c.who.user && !c.who.is_admin())
    return std::unexpected(
        problem{problem_code::forbidden, "Only admins see the batches of others."});
  if (!c.who.is_admin()) wish.owner = c.who.user;
  if (owner) wish.owner = *owner;
  if (!wish.owner) c.owner = "*";
  if (const auto cursor = c.rq.parameter("cursor")) {
    wish.before = read_cursor(*cursor);
    if (!wish.before) return std::unexpected(problem{problem_code::invalid_cursor});
  }
  DARKROOM_TRY(limit, page_limit(c));
  wish.limit = limit;
  wish.part = domain::folded_name(c.rq.parameter("q").value_or(""));
  DARKROOM_TRY(after, time_parameter(c, "created_after"));
  DARKROOM_TRY(before, time_parameter(c, "created_before"));
  wish.created_after_us = after;
  wish.created_before_us = before;
  if (!wish.state.empty()) {
    const auto phase = base::parse_enum<domain::batch_phase>(wish.state);
    if (!phase || phase == domain::batch_phase::absent)
      return std::unexpected(problem{problem_code::invalid_parameter, "There is no such state."});
    wish.live = !domain::is_terminal(*phase);
  }
  return wish;
}

bool has_part(const persistence::batch_summary& batch, const std::string& part) {
  const auto has = [&](std::string_view text) {
    return domain::folded_name(text).find(part) != std::string::npos;
  };
  return part.empty() || has(batch.name) || std::ranges::any_of(batch.tags, has) ||
         to_string(batch.id).find(part) != std::string::npos;
}

bool fits(const list_wish& wish, const persistence::batch_summary& batch) {
  return (wish.state.empty() || to_string(batch.phase) == wish.state) &&
         (wish.tag.empty() || std::ranges::find(batch.tags, wish.tag) != batch.tags.end()) &&
         batch.created_us >= wish.created_after_us.value_or(batch.created_us) &&
         batch.created_us < wish.created_before_us.value_or(batch.created_us + 1) &&
         has_part(batch, wish.part);
}

struct list_page {
  std::vector<persistence::batch_summary> batches;
  std::optional<std::string> next;
};

persistence::journal_result<list_page> read_page(const persistence::read_view& journal,
                                                 const list_wish& wish) {
  list_page page;
  std::size_t looked_at = 0;
  const auto look_at = [&](persistence::batch_summary&& batch) {
    if (page.batches.size() == wish.limit) return false;
    page.next = cursor_of(batch);
    if (fits(wish, batch)) page.batches.push_back(std::move(batch));
    return ++looked_at < limits::rows_per_page_max;
  };
  const auto ok = wish.live ? journal.each_live_before(wish.owner, wish.before, look_at)
                            : journal.each_batch_before(wish.owner, wish.before, look_at);
  if (!ok) return std::unexpected(ok.error());
  // The last page may say that there is more, never the other way round.
  if (page.batches.size() < wish.limit && looked_at < limits::rows_per_page_max) page.next.reset();
  return page;
}

// Finds out what those wait for whose files all stand still. A batch whose headers are being read
// waits for nothing that can be told.
task<void> add_waits(call& c, std::span<actors::batch_view> batches) {
  actors::describe_waits wish;
  for (const auto& batch : batches)
    if (is_waiting(batch.summary)) wish.batches.push_back(batch.summary.id);
  if (wish.batches.empty()) co_return;
  const auto waits = co_await c.s.gateway.ask(std::move(wish));
  for (auto& batch : batches)
    if (const auto found = waits.reasons.find(batch.summary.id); found != waits.reasons.end())
      batch.waiting_for = found->second;
    else if (is_waiting(batch.summary) &&
             c.s.gateway.actors().usage().day_used_up(batch.summary.owner, base::unix_now_us()))
      batch.waiting_for = actors::wait_reason::quota;
}

task<route_result> list_batches(call& c) {
  DARKROOM_CO_TRY(wish, read_list_wish(c));
  const auto read = [&wish](const journal_view& journal) { return read_page(*journal, wish); };
  DARKROOM_CO_TRY(page, co_await read_journal(c, read));
  std::vector<actors::batch_view> views(page.batches.size());
  for (std::size_t i = 0; i < views.size(); ++i)
    views[i].summary = std::move(page.batches[i]);
  co_await add_waits(c, views);
  json::array batches;
  for (const auto& view : views)
    batches.push_back(batch_object(view));
  json::object out{{"batches", std::move(batches)}};
  if (page.next) out["next_cursor"] = *page.next;
  auto r = json_response(200, json::serialize(out));
  if (page.next) link_next(r, c, *page.next);
  co_return r;
}

// Seconds of `Prefer: wait=30`; 0: none.
std::uint32_t preferred_wait_s(const request& rq) {
  // Preferences are separated by commas, their parameters by semicolons (RFC 7240, section 2).
  auto rest = rq.header("Prefer");
  while (!rest.empty()) {
    const auto end = rest.find(',');
    const auto one = rest.substr(0, std::min(end, rest.find(';')));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    const auto equals = one.find('=');
    if (equals == std::string_view::npos || !same_word(trimmed(one.substr(0, equals)), "wait"))
      continue;
    auto value = trimmed(one.substr(equals + 1));
    if (value.size() > 1 && value.front() == '"') value.remove_prefix(1);
    std::uint32_t seconds = 0;
    std::from_chars(value.data(), value.data() + value.size(), seconds);
    return std::min(seconds, limits::prefer_wait_s_max);
  }
  return 0;
}

task<route_result> get_batch(call& c, const named_batch& batch) {
  const auto seconds = preferred_wait_s(c.rq);
  const auto known = c.rq.header("If-None-Match");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  const auto executor = co_await boost::asio::this_coro::executor;
  domain::seq first_seen = 0;
  while (true) {
    std::shared_ptr<actor_gateway::waiter> bell;
    if (seconds != 0) bell = c.s.gateway.wait_for(batch.id, executor);
    DARKROOM_CO_TRY(view, co_await view_batch(c, batch.id));
    const auto& summary = view.summary;
    if (first_seen == 0) first_seen = summary.seq;
    const auto tag = etag_of(summary.seq);
    const bool unchanged = known.empty() ? summary.seq == first_seen : has_tag(known, tag);
    const bool over = domain::is_terminal(summary.phase) && summary.open_files() == 0;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (bell && unchanged && left.count() > 0 && !c.s.draining && !(known.empty() && over)) {
      co_await bell->wait(left);
      continue;
    }
    co_await add_waits(c, {&view, 1});
    auto r = batch_response(200, view);
    if (seconds != 0) r.with("Preference-Applied", "wait=" + std::to_string(seconds));
    if (!known.empty() && has_tag(known, tag)) {
      r.status = 304;
      r.body = std::string{};
    }
    co_return r;
  }
}

// The seq in the ETag of a batch. Its weak tag may be compared here: what counts is which commands
// came after it.
std::optional<domain::seq> seq_in(std::string_view if_match) {
  if_match = trimmed(if_match);
  if (if_match.starts_with("W/")) if_match.remove_prefix(2);
  if (if_match.size() < 3 || if_match.front() != '"' || if_match.back() != '"') return std::nullopt;
  domain::seq seq = 0;
  const auto* last = if_match.data() + if_match.size() - 1;
  const auto [end, error] = std::from_chars(if_match.data() + 1, last, seq);
  if (error != std::errc{} || end != last) return std::nullopt;
  return seq;
}

// Asks for one command (or several), and answers with what the batch is then.
task<route_result> command(call& c, const named_batch& batch, std::vector<domain::command> commands,
                           unsigned done, unsigned already) {
  batch_request request;
  request.batch = batch.id;
  request.command = std::move(commands.front());
  request.more.assign(std::make_move_iterator(commands.begin() + 1),
                      std::make_move_iterator(commands.end()));
  if (const auto if_match = c.rq.header("If-Match"); !if_match.empty() && if_match != "*") {
    request.if_match = seq_in(if_match);
    if (!request.if_match) co_return std::unexpected(problem{problem_code::precondition_failed});
  }
  request.audit = audit_of(c, done, "ok");
  const auto outcome = co_await c.s.gateway.ask(std::move(request));
  DARKROOM_CO_CHECK(problem_of(outcome));
  c.audited = true;
  const bool changed = std::holds_alternative<actors::accepted>(outcome);
  co_return batch_response(changed ? done : already, *actors::resulting_view(outcome));
}

task<route_result> patch(call& c, const named_batch& batch) {
  DARKROOM_CO_TRY(body, co_await read_object(c));
  std::vector<field_error> errors;
  object_reader r(body, "", errors);
  domain::change_details details;
  domain::change_priority priority;
  domain::change_spec spec;
  std::vector<domain::command> commands;
  if (r.has("name")) r.text("name", details.name.emplace(), limits::name_bytes_max);
  if (r.has("tags"))
    r.texts("tags", details.tags.emplace(), limits::tags_max, limits::tag_bytes_max);
  if (r.has("name") || r.has("tags")) commands.emplace_back(details);
  r.number("priority", priority.priority, 0, limits::priority_max);
  if (r.has("priority")) commands.emplace_back(priority);
  if (const auto* object = r.object("spec")) {
    spec.spec = read_spec(*object, "/spec", c.s.formats.writable, errors);
    commands.emplace_back(std::move(spec));
  }
  r.finish();
  if (!errors.empty()) co_return std::unexpected(invalid_body(std::move(errors)));
  if (commands.empty())
    co_return std::unexpected(problem{problem_code::invalid_value,
                                      "Name at least one of name, tags, priority and spec."});
  co_return co_await command(c, batch, std::move(commands), 200, 200);
}

task<route_result> remove_batch(call& c, const named_batch& batch) {
  const auto cancel = c.rq.parameter("cancel").value_or("false");
  if (cancel != "true" && cancel != "false")
    co_return std::unexpected(problem{problem_code::invalid_parameter, "cancel is true or false."});
  std::vector<domain::command> commands;
  commands.emplace_back(domain::delete_batch{cancel == "true"});
  co_return co_await command(c, batch, std::move(commands), 202, 202);
}

// Selects the files of this scope by path prefix: the batch actor holds no paths.
task<base::result<void, problem>> choose_by_path(call& c, const named_batch& batch,
                                                 const std::string& prefix,
                                                 domain::retry_batch& wish) {
  DARKROOM_CO_TRY(view, co_await view_batch(c, batch.id, actors::file_range::all()));
  const auto wanted = wish.scope == domain::retry_scope::failed ? domain::file_status::failed
                                                                : domain::file_status::cancelled;
  using indexes = std::vector<domain::file_index>;
  const auto read = [&](const journal_view& journal) -> persistence::journal_result<indexes> {
    indexes found;
    const auto look = [&](const persistence::file_record& file) {
      if (file.entry.path.starts_with(prefix) &&
          status_of(file, view.summary.phase, view.files.get()) == wanted)
        found.push_back(file.index);
      return true;
    };
    if (auto ok = journal->each_file(batch.id, 0, look); !ok) return std::unexpected(ok.error());
    return found;
  };
  DARKROOM_CO_TRY(found, co_await read_journal(c, read));
  wish.files = std::move(found);
  wish.scope = domain::retry_scope::files;
  co_return base::result<void, problem>{};
}

task<route_result> run_command(call& c, const named_batch& batch, const batch_command& row) {
  std::vector<domain::command> commands;
  std::string path_prefix;
  const auto read = [&](object_reader& r) {
    commands.push_back(row.read(r));
    if (row.by_path) r.text("path_prefix", path_prefix, limits::path_bytes_max);
    if (r.has("path_prefix") && r.has("files"))
      r.wrong("path_prefix", problem_code::invalid_value, "does not go with \"files\"");
  };
  DARKROOM_CO_CHECK(co_await read_members(c, read));
  if (!path_prefix.empty()) {
    auto& wish = std::get<domain::retry_batch>(commands.front());
    DARKROOM_CO_CHECK(co_await choose_by_path(c, batch, path_prefix, wish));
  }
  co_return co_await command(c, batch, std::move(commands), row.done, row.already);
}

route route_of(const batch_command& row) {
  const std::string name{row.name};
  return {"POST", "/v1/batches/{id}/" + name, access::user, "batch." + name,
          [&row](call& c, const named_batch& batch) { return run_command(c, batch, row); }};
}

} // namespace

std::vector<route> batch_routes() {
  using enum access;
  std::vector<route> all{
      {"POST", "/v1/batches", user, "batch.create", create},
      {"GET",
       "/v1/batches",
       user,
       "",
       list_batches,
       route::browser_use::none,
       {"state", "tag", "owner", "q", "created_after", "created_before", "limit", "cursor"}},
      {"GET", "/v1/batches/{id}", user, "", get_batch},
      {"PATCH", "/v1/batches/{id}", user, "batch.change", patch},
      {"DELETE",
       "/v1/batches/{id}",
       user,
       "batch.delete",
       remove_batch,
       route::browser_use::none,
       {"cancel"}},
  };
  for (const auto& row : batch_commands())
    all.push_back(route_of(row));
  return all;
}

} // namespace darkroom::http
