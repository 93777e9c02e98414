// Batches, and what is commanded of them.
#include "actors/limits.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "domain/limits.hpp"
#include "http/blocking.hpp"
#include "http/limits.hpp"
#include "http/routes.hpp"
#include "http/spec_json.hpp"
#include "http/uploads.hpp"

#include "http/request_id.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

namespace darkroom::http {

namespace {

namespace json = boost::json;
using actors::batch_request;

// --- Creation
// -------------------------------------------------------------------------------------

base::result<domain::create_batch, problem> read_creation(const call& c, const json::value& body) {
  std::vector<field_error> errors;
  domain::create_batch create;
  create.owner = c.who.user;
  if (!body.is_object()) return std::unexpected(problem{"invalid_value", "The body is an object."});
  object_reader r(body.get_object(), "", errors);
  r.text("name", create.name, limits::name_bytes_max);
  r.number("priority", create.priority, 0, limits::priority_max);
  r.texts("tags", create.tags, limits::tags_max, limits::tag_bytes_max);
  r.boolean("keep_open", create.keep_open);
  r.number("max_failed", create.max_failed, 0, limits::files_per_batch_max);
  std::string start = "manual";
  r.text("start", start, 32);
  if (start != "manual" && start != "on_first_file")
    r.wrong("start", "invalid_value", "is \"manual\" or \"on_first_file\"");
  create.on_first_file = start == "on_first_file";
  if (const auto* spec = r.object("spec"))
    create.spec = read_spec(*spec, "/spec", c.s.formats.encodable, errors);
  else if (!r.has("spec"))
    r.wrong("spec", "invalid_value", "is missing");
  r.finish();
  if (!errors.empty()) return std::unexpected(invalid_body(std::move(errors)));
  return create;
}

// What an earlier request with the same key made, if there was one.
task<base::result<std::optional<domain::batch_id>, problem>>
find_earlier(call& c, const std::string& key, const persistence::digest& request) {
  const auto journal = open_journal(c);
  if (!journal) co_return std::unexpected(journal.error());
  const auto found = co_await run_blocking(c.s.blocking, [&journal, &c, &key] {
    return (*journal)->idempotent_request(c.who.user, key);
  });
  if (!found) co_return std::unexpected(journal_problem(found.error()));
  const auto oldest =
      base::unix_now_us() - static_cast<std::int64_t>(limits::idempotency_s) * 1'000'000;
  if (!*found || (*found)->time_us < oldest) co_return std::nullopt;
  if ((*found)->request_sha256 != request)
    co_return std::unexpected(problem{"idempotency_key_reused"});
  co_return (*found)->batch;
}

response created(const actors::batch_view& view, bool replayed) {
  auto r = batch_response(201, view);
  r.with("Location", "/v1/batches/" + domain::to_string(view.summary.id));
  if (replayed) r.with("Idempotent-Replayed", "true");
  return r;
}

task<response> create(call& c) {
  std::string raw;
  const auto body = co_await read_json(c, limits::json_body_bytes_max, &raw);
  if (!body) co_return problem_response(body.error(), c.rq);
  auto command = read_creation(c, *body);
  if (!command) co_return problem_response(command.error(), c.rq);

  const std::string key{c.rq.header("Idempotency-Key")};
  std::optional<busy_set::hold> hold;
  if (!key.empty()) {
    if (key.size() > limits::idempotency_key_bytes_max)
      co_return problem_response({"bad_request", "An Idempotency-Key has at most 128 bytes."},
                                 c.rq);
    hold = c.s.requests.take(c.who.user + '\0' + key);
    if (!hold) {
      problem p{"request_in_progress"};
      p.retry_after_s = 1;
      co_return problem_response(p, c.rq);
    }
    persistence::sha256 sum;
    sum.add({reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()});
    command->idempotency_key = key;
    command->request_sha256 = sum.finish();
    const auto earlier = co_await find_earlier(c, key, command->request_sha256);
    if (!earlier) co_return problem_response(earlier.error(), c.rq);
    if (*earlier) {
      const auto view = co_await view_batch(c, **earlier, false);
      if (!view) co_return problem_response(view.error(), c.rq);
      c.audited = true; // nothing was done
      co_return created(*view, true);
    }
  }
  if (const auto ok = check_room(c); !ok) co_return problem_response(ok.error(), c.rq);
  const auto room = c.s.quotas.reserve(c.who.user, {.batches = 1});
  if (!room) co_return problem_response(room.error(), c.rq);
  batch_request request;
  // The same key gets the same id, also while nobody knows whether the first request was done.
  request.batch = key.empty() ? domain::new_batch_id()
                              : c.s.attempts.id_for(c.who.user + '\0' + key, base::unix_now_us(),
                                                    domain::new_batch_id);
  request.command = std::move(*command);
  c.batch = request.batch;
  c.owner = c.who.user;
  request.audit = audit_of(c, "batch.create", 201, "ok");
  const auto outcome = co_await c.s.gateway.ask(std::move(request));
  // Refused, because an earlier request with this key was done; not: in doubt itself.
  const auto* refused = std::get_if<actors::rejected>(&outcome);
  const bool was_made = refused != nullptr && !key.empty() &&
                        refused->view.summary.phase != domain::batch_phase::absent;
  const auto* made = actors::resulting_view(outcome);
  c.audited = made != nullptr || was_made;
  if (was_made) co_return created(refused->view, true);
  if (const auto p = problem_of(outcome)) co_return problem_response(*p, c.rq);
  co_return created(*made, false);
}

// --- Lists
// ------------------------------------------------------------------------------------------

std::string cursor_of(const persistence::batch_summary& last) {
  char time[24];
  const int n =
      std::snprintf(time, sizeof time, "%016llx", static_cast<unsigned long long>(last.created_us));
  return std::string(time, static_cast<std::size_t>(n)) + domain::to_string(last.id);
}

std::optional<persistence::read_view::list_position> read_cursor(const std::string& text) {
  persistence::read_view::list_position at;
  if (text.size() != 16 + 36) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + 16, at.created_us, 16);
  const auto id = domain::parse_batch_id(std::string_view(text).substr(16));
  if (error != std::errc{} || end != text.data() + 16 || !id) return std::nullopt;
  at.batch = *id;
  return at;
}

struct list_wish {
  std::optional<std::string> owner;
  std::optional<persistence::read_view::list_position> before;
  std::string state, tag;
  std::size_t limit = limits::page_default;
};

base::result<list_wish, problem> read_list_wish(call& c) {
  list_wish wish;
  wish.state = c.rq.parameter("state").value_or("");
  wish.tag = c.rq.parameter("tag").value_or("");
  const auto owner = c.rq.parameter("owner");
  if (owner) c.owner = *owner; // for the audit: whose batches are looked at
  if (owner && *owner != c.who.user && !c.who.is_admin())
    return std::unexpected(problem{"forbidden", "Only admins see the batches of others."});
  if (!c.who.is_admin()) wish.owner = c.who.user;
  if (owner) wish.owner = *owner;
  if (!wish.owner) c.owner = "*";
  if (const auto cursor = c.rq.parameter("cursor")) {
    wish.before = read_cursor(*cursor);
    if (!wish.before) return std::unexpected(problem{"invalid_cursor"});
  }
  const auto limit = number_parameter(c, "limit", limits::page_default, 1, limits::page_max);
  if (!limit) return std::unexpected(limit.error());
  wish.limit = *limit;
  if (!wish.state.empty()) {
    bool known = false;
    for (int i = 1; i < domain::batch_phase_count; ++i)
      known |= to_string(static_cast<domain::batch_phase>(i)) == wish.state;
    if (!known) return std::unexpected(problem{"invalid_parameter", "There is no such state."});
  }
  return wish;
}

struct list_page {
  std::vector<persistence::batch_summary> batches;
  std::optional<std::string> next;
};

persistence::journal_result<list_page> read_page(const persistence::read_view& journal,
                                                 const list_wish& wish) {
  list_page page;
  std::size_t looked_at = 0;
  const auto ok =
      journal.each_batch_before(wish.owner, wish.before, [&](persistence::batch_summary&& batch) {
        if (page.batches.size() == wish.limit) return false;
        const bool fits =
            (wish.state.empty() || to_string(batch.phase) == wish.state) &&
            (wish.tag.empty() || std::ranges::find(batch.tags, wish.tag) != batch.tags.end());
        page.next = cursor_of(batch);
        if (fits) page.batches.push_back(std::move(batch));
        return ++looked_at < limits::rows_per_page_max;
      });
  if (!ok) return std::unexpected(ok.error());
  // The last page may say that there is more, never the other way round.
  if (page.batches.size() < wish.limit && looked_at < limits::rows_per_page_max) page.next.reset();
  return page;
}

task<response> list(call& c) {
  const auto wish = read_list_wish(c);
  if (!wish) co_return problem_response(wish.error(), c.rq);
  const auto journal = open_journal(c);
  if (!journal) co_return problem_response(journal.error(), c.rq);
  const auto page = co_await run_blocking(
      c.s.blocking, [&journal, &wish] { return read_page(**journal, *wish); });
  if (!page) co_return problem_response(journal_problem(page.error()), c.rq);
  json::array batches;
  for (const auto& summary : page->batches) {
    actors::batch_view view;
    view.summary = summary;
    batches.push_back(batch_object(view));
  }
  json::object out{{"batches", std::move(batches)}};
  if (page->next) out["next_cursor"] = *page->next;
  auto r = json_response(200, json::serialize(out));
  if (page->next) link_next(r, c, *page->next);
  co_return r;
}

// --- One batch
// ----------------------------------------------------------------------------------------

// Seconds of `Prefer: wait=30`; 0: none.
std::uint32_t preferred_wait_s(const request& rq) {
  const auto prefer = rq.header("Prefer");
  const auto at = prefer.find("wait=");
  if (at == std::string_view::npos) return 0;
  std::uint32_t seconds = 0;
  std::from_chars(prefer.data() + at + 5, prefer.data() + prefer.size(), seconds);
  return std::min(seconds, limits::prefer_wait_s_max);
}

task<response> get(call& c) {
  const auto named = find_batch(c, c.param(0));
  if (!named) co_return problem_response(named.error(), c.rq);
  const auto seconds = preferred_wait_s(c.rq);
  const auto known = c.rq.header("If-None-Match");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  const auto executor = co_await boost::asio::this_coro::executor;
  domain::seq first_seen = 0;
  while (true) {
    std::shared_ptr<actor_gateway::waiter> bell;
    if (seconds != 0) bell = c.s.gateway.wait_for(named->id, executor);
    const auto view = co_await view_batch(c, named->id, false);
    if (!view) co_return problem_response(view.error(), c.rq);
    const auto& summary = view->summary;
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
    auto r = batch_response(200, *view);
    if (seconds != 0) r.with("Preference-Applied", "wait=" + std::to_string(seconds));
    if (!known.empty() && has_tag(known, tag)) {
      r.status = 304;
      r.body = std::string{};
    }
    co_return r;
  }
}

std::optional<domain::seq> seq_in(std::string_view if_match) {
  if (if_match.size() < 3 || if_match.front() != '"' || if_match.back() != '"') return std::nullopt;
  domain::seq seq = 0;
  const auto* last = if_match.data() + if_match.size() - 1;
  const auto [end, error] = std::from_chars(if_match.data() + 1, last, seq);
  if (error != std::errc{} || end != last) return std::nullopt;
  return seq;
}

// Asks for one command (or several), and answers with what the batch is then.
task<response> command(call& c, std::vector<domain::command> commands, std::string_view action,
                       unsigned done, unsigned already) {
  batch_request request;
  request.batch = *c.batch;
  request.command = std::move(commands.front());
  request.more.assign(std::make_move_iterator(commands.begin() + 1),
                      std::make_move_iterator(commands.end()));
  if (const auto if_match = c.rq.header("If-Match"); !if_match.empty() && if_match != "*") {
    request.if_match = seq_in(if_match);
    if (!request.if_match) co_return problem_response({"precondition_failed"}, c.rq);
  }
  request.audit = audit_of(c, action, done, "ok");
  const auto outcome = co_await c.s.gateway.ask(std::move(request));
  if (const auto p = problem_of(outcome)) co_return problem_response(*p, c.rq);
  c.audited = true;
  const bool changed = std::holds_alternative<actors::accepted>(outcome);
  co_return batch_response(changed ? done : already, *actors::resulting_view(outcome));
}

task<response> command(call& c, domain::command one, std::string_view action, unsigned done,
                       unsigned already) {
  std::vector<domain::command> commands;
  commands.push_back(std::move(one));
  co_return co_await command(c, std::move(commands), action, done, already);
}

task<response> patch(call& c) {
  const auto named = find_batch(c, c.param(0));
  if (!named) co_return problem_response(named.error(), c.rq);
  const auto body = co_await read_object(c);
  if (!body) co_return problem_response(body.error(), c.rq);
  std::vector<field_error> errors;
  object_reader r(*body, "", errors);
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
    spec.spec = read_spec(*object, "/spec", c.s.formats.encodable, errors);
    commands.emplace_back(std::move(spec));
  }
  r.finish();
  if (!errors.empty()) co_return problem_response(invalid_body(std::move(errors)), c.rq);
  if (commands.empty())
    co_return problem_response(
        {"invalid_value", "Name at least one of name, tags, priority and spec."}, c.rq);
  co_return co_await command(c, std::move(commands), "batch.change", 200, 200);
}

task<response> remove(call& c) {
  const auto named = find_batch(c, c.param(0));
  if (!named) co_return problem_response(named.error(), c.rq);
  const bool cancel = c.rq.parameter("cancel").value_or("") == "true";
  domain::command wish = domain::delete_batch{cancel};
  co_return co_await command(c, std::move(wish), "batch.delete", 202, 202);
}

// --- Commands
// -------------------------------------------------------------------------------------------

// Reads the members of a command's body; nothing else may be in it.
template<class Read>
task<base::result<void, problem>> read_command(call& c, Read read) {
  const auto body = co_await read_object(c);
  if (!body) co_return std::unexpected(body.error());
  std::vector<field_error> errors;
  object_reader r(*body, "", errors);
  read(r);
  r.finish();
  if (!errors.empty()) co_return std::unexpected(invalid_body(std::move(errors)));
  co_return base::result<void, problem>{};
}

std::optional<domain::pause_mode> parse_pause_mode(std::string_view name) {
  if (name == "drain") return domain::pause_mode::drain;
  if (name == "interrupt") return domain::pause_mode::interrupt;
  return std::nullopt;
}

std::optional<domain::retry_scope> parse_retry_scope(std::string_view name) {
  if (name == "failed") return domain::retry_scope::failed;
  if (name == "cancelled") return domain::retry_scope::cancelled;
  if (name == "files") return domain::retry_scope::files;
  return std::nullopt;
}

task<response> start(call& c) {
  const auto named = find_batch(c, c.param(0));
  if (!named) co_return problem_response(named.error(), c.rq);
  domain::start_batch wish;
  const auto ok =
      co_await read_command(c, [&](object_reader& r) { r.boolean("keep_open", wish.keep_open); });
  if (!ok) co_return problem_response(ok.error(), c.rq);
  domain::command one = wish;
  co_return co_await command(c, std::move(one), "batch.start", 202, 200);
}

task<response> seal(call& c) {
  const auto named = find_batch(c, c.param(0));
  if (!named) co_return problem_response(named.error(), c.rq);
  const auto ok = co_await read_command(c, [](object_reader&) {});
  if (!ok) co_return problem_response(ok.error(), c.rq);
  domain::command one = domain::seal_batch{};
  co_return co_await command(c, std::move(one), "batch.seal", 200, 200);
}

task<response> pause(call& c) {
  const auto named = find_batch(c, c.param(0));
  if (!named) co_return problem_response(named.error(), c.rq);
  domain::pause_batch wish;
  const auto ok = co_await read_command(
      c, [&](object_reader& r) { r.one_of("mode", wish.mode, parse_pause_mode); });
  if (!ok) co_return problem_response(ok.error(), c.rq);
  domain::command one = wish;
  co_return co_await command(c, std::move(one), "batch.pause", 200, 200);
}

task<response> resume(call& c) {
  const auto named = find_batch(c, c.param(0));
  if (!named) co_return problem_response(named.error(), c.rq);
  const auto ok = co_await read_command(c, [](object_reader&) {});
  if (!ok) co_return problem_response(ok.error(), c.rq);
  domain::command one = domain::resume_batch{};
  co_return co_await command(c, std::move(one), "batch.resume", 200, 200);
}

task<response> cancel(call& c) {
  const auto named = find_batch(c, c.param(0));
  if (!named) co_return problem_response(named.error(), c.rq);
  domain::cancel_batch wish;
  const auto ok = co_await read_command(
      c, [&](object_reader& r) { r.text("reason", wish.reason, limits::reason_bytes_max); });
  if (!ok) co_return problem_response(ok.error(), c.rq);
  domain::command one = std::move(wish);
  co_return co_await command(c, std::move(one), "batch.cancel", 200, 200);
}

void read_retry(object_reader& r, domain::retry_batch& wish) {
  r.one_of("scope", wish.scope, parse_retry_scope);
  if (const auto* files = r.array("files"))
    for (const auto& file : *files) {
      const bool fits = file.is_int64() && file.get_int64() >= 0 &&
                        file.get_int64() < limits::files_per_batch_max;
      if (fits)
        wish.files.push_back(static_cast<domain::file_index>(file.get_int64()));
      else
        return r.wrong("files", "invalid_value", "is a list of file indexes");
    }
  if (const auto* reasons = r.array("reasons"))
    for (const auto& reason : *reasons) {
      const auto known =
          reason.is_string() ? domain::parse_failure_reason(reason.get_string()) : std::nullopt;
      if (!known) return r.wrong("reasons", "invalid_value", "is a list of failure reasons");
      wish.reasons.push_back(*known);
    }
  if (r.has("files") != (wish.scope == domain::retry_scope::files))
    r.wrong("files", "invalid_value", "goes with the scope \"files\", and only with it");
}

task<response> retry(call& c) {
  const auto named = find_batch(c, c.param(0));
  if (!named) co_return problem_response(named.error(), c.rq);
  domain::retry_batch wish;
  const auto ok = co_await read_command(c, [&](object_reader& r) { read_retry(r, wish); });
  if (!ok) co_return problem_response(ok.error(), c.rq);
  domain::command one = std::move(wish);
  co_return co_await command(c, std::move(one), "batch.retry", 202, 200);
}

} // namespace

std::vector<route> batch_routes() {
  using enum access;
  return {
      {"POST", "/v1/batches", user, "batch.create", create},
      {"GET", "/v1/batches", user, "", list},
      {"GET", "/v1/batches/{id}", user, "", get},
      {"PATCH", "/v1/batches/{id}", user, "batch.change", patch},
      {"DELETE", "/v1/batches/{id}", user, "batch.delete", remove},
      {"POST", "/v1/batches/{id}/start", user, "batch.start", start},
      {"POST", "/v1/batches/{id}/seal", user, "batch.seal", seal},
      {"POST", "/v1/batches/{id}/pause", user, "batch.pause", pause},
      {"POST", "/v1/batches/{id}/resume", user, "batch.resume", resume},
      {"POST", "/v1/batches/{id}/cancel", user, "batch.cancel", cancel},
      {"POST", "/v1/batches/{id}/retry", user, "batch.retry", retry},
  };
}

} // namespace darkroom::http
