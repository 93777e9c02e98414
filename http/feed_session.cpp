#include "http/feed_session.hpp"

#include "actors/limits.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "domain/text.hpp"
#include "http/blocking.hpp"
#include "http/json_body.hpp"
#include "http/limits.hpp"
#include "http/routes.hpp"
#include "http/views.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <spdlog/spdlog.h>

namespace darkroom::http {

namespace asio = boost::asio;
namespace json = boost::json;
using std::chrono::milliseconds;

namespace {

// RFC 6455, section 7.4.1; from 4000 on our own, which go with statuses of HTTP.
constexpr std::uint16_t close_going_away = 1001, close_unsupported = 1003, close_policy = 1008,
                        close_try_again = 1013, close_token_ended = 4401, close_too_many = 4429;

std::uint32_t id_of(const json::object& words) {
  const auto* id = words.if_contains("id");
  return id != nullptr && id->is_int64() && id->get_int64() > 0 && id->get_int64() <= INT32_MAX
             ? static_cast<std::uint32_t>(id->get_int64())
             : 0;
}

} // namespace

feed_session::feed_session(services& s, web_socket& socket, identity who,
                           persistence::audit_entry about)
    : s_(s), socket_(socket), who_(std::move(who)), about_(std::move(about)),
      written_(socket.executor()), linger_(socket.executor()) {}

task<void> feed_session::refuse(web_socket& socket, const problem& why) {
  return socket.close(close_too_many, why.detail);
}

// A coroutine begins later than it is called: it holds what it works on.
task<void> feed_session::serve(std::shared_ptr<feed_session> session) {
  co_await session->run();
}

task<void> feed_session::run() {
  const auto on_end = [weak = weak_from_this()] {
    if (const auto session = weak.lock()) session->hurry();
  };
  stream_ = event_stream::open(s_, socket_.executor(), who_, on_end);
  json::object hello{{"op", "hello"},
                     {"protocol", feed_subprotocol},
                     {"user", who_.user},
                     {"seq", s_.events.last_seq()},
                     {"idle_s", s_.settings.feed.idle_s}};
  answer(std::move(hello));
  asio::co_spawn(socket_.executor(), write_all(shared_from_this()), asio::detached);
  try {
    co_await read_all();
  } catch (const std::exception& e) {
    fault(e.what());
  }
  reading_ = false;
  hurry();
  while (writing_) { // it uses the socket: it ends first
    written_.expires_after(std::chrono::hours(1));
    co_await written_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  linger_.cancel();
}

void feed_session::fault(const char* what) {
  spdlog::error("fault in a feed: {}", domain::printable(what));
  socket_.abort();
}

void feed_session::hurry() {
  stream_->wake();
  linger_.expires_after(milliseconds(limits::feed_close_ms));
  linger_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto session = error ? nullptr : weak.lock();
    if (session && session->writing_) session->socket_.abort();
  });
}

task<void> feed_session::read_all() {
  socket_.when_flooded([weak = weak_from_this()] {
    if (const auto session = weak.lock())
      session->close_with(close_policy, "too much is said here");
  });
  while (true) {
    // Who asks without listening is not listened to.
    while (answers_.size() >= limits::feed_replies_max && writing_) {
      written_.expires_after(std::chrono::hours(1));
      co_await written_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    const auto message = co_await socket_.read();
    if (message.what == web_socket::message::kind::none) co_return;
    if (closing_) continue; // until the client has closed too
    on_message(message);
  }
}

void feed_session::on_message(const web_socket::message& message) {
  if (!s_.user_rate.take(who_.user, static_cast<std::uint64_t>(base::unix_now_us())).allowed)
    return close_with(close_policy, "too many messages, or too many requests");
  if (message.what == web_socket::message::kind::binary)
    return close_with(close_unsupported, "messages are text");
  const auto value = parse_json(message.text);
  const auto* words = value ? value->if_object() : nullptr;
  if (words == nullptr) return close_with(close_policy, "a message is one JSON object");
  const auto* op = words->if_contains("op");
  const std::string name = op != nullptr && op->is_string() ? std::string{op->get_string()} : "";
  if (name == "subscribe") {
    on_subscribe(*words);
  } else if (name == "unsubscribe") {
    on_unsubscribe(*words);
  } else if (name == "ping") {
    on_ping(*words);
  } else {
    answer_error(*words, {problem_code::invalid_value, "`op` is subscribe, unsubscribe or ping."});
  }
}

// What these two have in common: an id and nothing else.
std::optional<std::uint32_t> feed_session::read_id(const json::object& words, bool needed) {
  std::vector<field_error> errors;
  object_reader r(words, "", errors);
  std::string op;
  std::uint32_t id = 0;
  r.text("op", op, 16);
  r.number("id", id, 1, INT32_MAX);
  if (needed && !r.has("id")) r.wrong("id", problem_code::invalid_value, "names the subscription");
  r.finish();
  if (errors.empty()) return id;
  answer_error(words, invalid_body(std::move(errors)));
  return std::nullopt;
}

void feed_session::on_ping(const json::object& words) {
  const auto id = read_id(words, false);
  if (!id) return;
  json::object pong{{"op", "pong"}};
  if (*id != 0) pong["id"] = *id;
  answer(std::move(pong));
}

void feed_session::on_subscribe(const json::object& words) {
  std::vector<field_error> errors;
  object_reader r(words, "", errors);
  std::string op, batch, owner;
  subscription wish;
  domain::seq after = 0;
  r.text("op", op, 16);
  r.number("id", wish.id, 1, INT32_MAX);
  r.text("batch", batch, 64);
  r.text("owner", owner, limits::user_bytes_max);
  r.number("after", after, 0, INT64_MAX);
  if (r.has("after")) wish.after = after;
  if (!r.has("id"))
    r.wrong("id", problem_code::invalid_value, "names the subscription: a number from 1");
  if (!r.has("batch")) r.wrong("batch", problem_code::invalid_value, "is a batch's id, or \"*\"");
  r.finish();
  if (!errors.empty()) return answer_error(words, invalid_body(std::move(errors)));
  if (of_client(wish.id) != subscriptions_.end())
    return answer_error(
        words, {problem_code::invalid_value, "There is a subscription of this id already."});
  if (subscriptions_.size() >= limits::feed_subscriptions_max)
    return answer_error(
        words, {problem_code::quota_exceeded, "One socket has at most 100 subscriptions."});
  auto scope = scope_of(batch, owner, r.has("owner"));
  if (!scope) return answer_error(words, scope.error());
  wish.scope = std::move(*scope);
  if (overlaps(wish.scope))
    return answer_error(words, {problem_code::invalid_value,
                                "Another subscription of this socket covers this one."});
  if (wish.after)
    if (const auto p = check_after(s_, *wish.after)) return answer_error(words, *p);
  if (wish.scope.batch) {
    auto place = s_.streams.follow(who_.user, *wish.scope.batch);
    if (!place) return answer_error(words, full_problem(place.error(), s_.settings.feed));
    wish.place = std::move(*place);
  }
  const auto number = ++last_number_;
  stream_->events().follow(number, wish.scope, wish.after.value_or(0));
  subscriptions_.emplace(number, std::move(wish));
  stream_->wake();
}

void feed_session::on_unsubscribe(const json::object& words) {
  const auto id = read_id(words, true);
  if (!id) return;
  const auto at = of_client(*id);
  if (at == subscriptions_.end())
    return answer_error(words, {problem_code::not_found, "There is no subscription of this id."});
  // False when the stream has ended it meanwhile, which comes to the same.
  (void)stream_->events().unfollow(at->first);
  subscriptions_.erase(at);
  answer({{"op", "unsubscribed"}, {"id", *id}});
}

base::result<event_scope, problem>
feed_session::scope_of(const std::string& batch, const std::string& owner, bool names_owner) {
  const auto& who = who_;
  if (batch == "*") {
    const bool others = names_owner && (owner == "*" || owner != who.user);
    event_scope scope{{}, names_owner ? owner : who.user};
    if (owner == "*") scope.owner.reset();
    if (others)
      audit(who.is_admin() ? "ok" : "forbidden", who.is_admin() ? 200 : 403, scope, owner);
    if (others && !who.is_admin()) {
      if (auto too_many = count_refusal()) return std::unexpected(std::move(*too_many));
      return std::unexpected(
          problem{problem_code::forbidden, "Only admins see the batches of others."});
    }
    return scope;
  }
  if (names_owner)
    return std::unexpected(
        problem{problem_code::invalid_value, "`owner` goes with the batch \"*\" only."});
  const auto id = domain::parse_batch_id(batch);
  if (!id) return std::unexpected(problem{problem_code::invalid_id, "A batch id is a UUID."});
  event_scope scope{id, {}};
  const auto facts = s_.gateway.actors().usage().find(*id);
  const bool own = facts && facts->owner == who.user;
  const bool may = facts && (own || who.is_admin());
  if (may) {
    if (!own) audit("ok", 200, scope, facts->owner);
    return scope;
  }
  auto refusal = not_yours(s_, *id, facts.has_value());
  const auto& kind = kind_of(refusal.code);
  if (facts) audit(kind.text, kind.status, scope, facts->owner);
  if (auto too_many = count_refusal()) return std::unexpected(std::move(*too_many));
  return std::unexpected(std::move(refusal));
}

// A refused subscription takes as much of the user's rate as a refused request.
std::optional<problem> feed_session::count_refusal() {
  const auto now = static_cast<std::uint64_t>(base::unix_now_us());
  if (s_.user_rate.take(who_.user, now).allowed) return std::nullopt;
  return problem{problem_code::rate_limited, "Too many requests for one user."};
}

// No event comes twice on one socket.
bool feed_session::overlaps(const event_scope& scope) const {
  const auto owner_of = [&](const event_scope& of) -> std::optional<std::string> {
    if (!of.batch) return of.owner;
    const auto facts = s_.gateway.actors().usage().find(*of.batch);
    return facts ? facts->owner : std::string{};
  };
  return std::ranges::any_of(subscriptions_, [&](const auto& entry) {
    const auto& other = entry.second.scope;
    if (scope.batch && other.batch) return *scope.batch == *other.batch;
    const auto a = owner_of(scope), b = owner_of(other);
    return !a || !b || *a == *b;
  });
}

void feed_session::audit(std::string_view outcome, unsigned status, const event_scope& scope,
                         const std::string& owner) {
  auto entry = about_;
  entry.time_us = base::unix_now_us();
  entry.action = "feed.subscribe";
  entry.batch = scope.batch;
  entry.owner = owner;
  entry.status = status;
  entry.outcome = outcome;
  if (status >= 400 && !may_audit_refusal(s_, entry)) return;
  s_.gateway.actors().keep({std::move(entry)}, [](bool) {});
}

void feed_session::answer(json::object words) {
  answers_.push_back(json::serialize(words));
  stream_->wake();
}

void feed_session::answer_error(const json::object& asked, const problem& why) {
  json::object words{{"op", "error"}};
  if (const auto id = id_of(asked); id != 0) words["id"] = id;
  words["code"] = to_string(why.code);
  words["detail"] = why.detail.empty() ? std::string{kind_of(why.code).help} : why.detail;
  if (!why.errors.empty())
    words["detail"] = why.errors.front().pointer + ' ' + why.errors.front().detail;
  answer(std::move(words));
}

void feed_session::close_with(std::uint16_t code, std::string reason) {
  if (!closing_) closing_.emplace(code, std::move(reason));
  hurry();
}

feed_session::subscription* feed_session::find(std::uint32_t number) {
  const auto at = subscriptions_.find(number);
  return at == subscriptions_.end() ? nullptr : &at->second;
}

feed_session::subscription_map::iterator feed_session::of_client(std::uint32_t id) {
  return std::ranges::find_if(subscriptions_,
                              [id](const auto& entry) { return entry.second.id == id; });
}

task<void> feed_session::write_all([[maybe_unused]] std::shared_ptr<feed_session> self) {
  try {
    bool alive = true;
    while (alive && reading_ && !closing_ && stream_->ending() == stream_ending::none)
      alive = co_await write_next();
    if (alive && reading_)
      co_await say_goodbye();
    else if (!alive)
      socket_.abort(); // the reader may not have noticed
  } catch (const std::exception& e) {
    fault(e.what());
  }
  writing_ = false;
  written_.cancel();
}

task<bool> feed_session::write_next() {
  if (!answers_.empty()) co_return co_await write_answers();
  const auto taken = stream_->events().take(limits::feed_message_bytes);
  if (taken.behind) co_return co_await write_missed(*taken.behind);
  if (!taken.empty()) co_return co_await write_events(taken);
  co_await stream_->wait();
  co_return true;
}

task<bool> feed_session::write_text(const std::string& text) {
  const asio::const_buffer one(text.data(), text.size());
  co_return co_await socket_.write(std::span(&one, 1));
}

task<bool> feed_session::write_answers() {
  const auto text = std::move(answers_.front());
  answers_.pop_front();
  const bool alive = co_await write_text(text);
  written_.cancel();
  co_return alive;
}

task<bool> feed_session::write_events(const feed::taken& taken) {
  constexpr std::string_view begin = R"({"op":"events","events":[)", comma = ",", end = "]}";
  std::vector<asio::const_buffer> pieces;
  const auto add = [&pieces](std::string_view text) {
    pieces.emplace_back(text.data(), text.size());
  };
  add(begin);
  for (const auto& part : taken.events) {
    if (pieces.size() > 1) add(comma);
    add(part.text());
  }
  for (const auto& text : taken.volatile_texts) {
    if (pieces.size() > 1) add(comma);
    add(*text);
  }
  add(end);
  const bool alive = co_await socket_.write(pieces);
  const auto published =
      taken.events.empty() ? feed::clock::time_point{} : taken.events.back().of->published;
  if (alive && published != feed::clock::time_point{}) // live, not from the journal
    s_.metrics.event_sent(feed::clock::now() - published);
  co_return alive;
}

// The client knows everything up to there; if that leads to what is live now, it is told.
void feed_session::caught_up(std::uint32_t number, domain::seq read) {
  auto* s = find(number);
  if (!stream_->events().caught_up(number, read) || s == nullptr) return;
  // One that fell back, after the journal was opened again, need not know.
  if (s->at != subscription::state::live) answer({{"op", "ok"}, {"id", s->id}, {"seq", read}});
  s->at = subscription::state::live;
}

// Nothing while the journal cannot be read.
task<std::optional<bool>> feed_session::missed_too_much(const feed::lag& lag) {
  const auto* s = find(lag.id);
  if (s == nullptr || !s->after) co_return true;
  const auto journal = journal_of(s_);
  if (!journal) co_return std::nullopt;
  const auto count = [&journal, &lag] {
    return journal->count_between(lag.scope, lag.read, lag.upto,
                                  limits::feed_missed_events_max + 1);
  };
  const auto missed = co_await run_blocking(s_.blocking, count);
  if (!missed) co_return std::nullopt;
  co_return *missed > limits::feed_missed_events_max;
}

task<bool> feed_session::write_missed(const feed::lag& lag) {
  auto* s = find(lag.id);
  if (s == nullptr) co_return true;
  if (s->at == subscription::state::fresh) {
    const auto too_much = co_await missed_too_much(lag);
    if (too_much && *too_much) co_return co_await write_snapshot(lag);
    s = find(lag.id);
    if (s == nullptr) co_return true;
    if (too_much) s->at = subscription::state::missed;
  }
  std::optional<event_stream::page> page;
  if (s->at != subscription::state::fresh) page = co_await stream_->read_missed(lag);
  if (!page) { // the journal is being opened again
    co_await stream_->wait(milliseconds(limits::journal_reopen_ms));
    co_return true;
  }
  if (page->events.of) {
    feed::taken missed;
    missed.events.push_back(std::move(page->events));
    const bool alive = co_await write_events(missed);
    if (!alive) co_return false;
  }
  caught_up(lag.id, page->read);
  co_return true;
}

// The state, for whom the events are too many.
task<bool> feed_session::write_snapshot(const feed::lag& lag) {
  auto words = co_await snapshot_of(lag);
  if (!words) {
    co_await stream_->wait(milliseconds(limits::journal_reopen_ms));
    co_return true;
  }
  auto* s = find(lag.id);
  if (s == nullptr) co_return true;
  s->at = subscription::state::live; // said with this
  const auto seq = words->at("seq").to_number<domain::seq>();
  (*words)["op"] = "snapshot";
  (*words)["id"] = s->id;
  const auto text = json::serialize(*words);
  words.reset();
  const bool alive = co_await write_text(text);
  caught_up(lag.id, seq);
  co_return alive;
}

task<std::optional<json::object>> feed_session::snapshot_of(const feed::lag& lag) {
  json::object words;
  if (lag.scope.batch) {
    const actors::describe_batch question{*lag.scope.batch, false};
    auto view = co_await s_.gateway.ask(question);
    if (!view.found) {
      const auto journal = journal_of(s_);
      if (!journal) co_return std::nullopt;
      const auto read = [&journal, &lag] { return journal->summary(*lag.scope.batch); };
      const auto summary = co_await run_blocking(s_.blocking, read);
      if (!summary) co_return std::nullopt;
      if (*summary) {
        view.found = true;
        view.summary = **summary;
      }
    }
    // Gone meanwhile: the deletion is what is left to be told, and it comes.
    words["seq"] = view.found ? std::max(view.summary.seq, lag.upto) : lag.upto;
    if (view.found) words["batch"] = batch_object(view);
    co_return words;
  }
  // What has not ended; the rest is what lists are for. Each with its own seq: it may be newer.
  const auto journal = journal_of(s_);
  if (!journal) co_return std::nullopt;
  std::vector<persistence::batch_summary> live;
  const auto read = [&journal, &lag, &live] {
    return journal->each_live_before(lag.scope.owner, {},
                                     [&live](persistence::batch_summary&& batch) {
                                       if (!domain::is_terminal(batch.phase))
                                         live.push_back(std::move(batch));
                                       return live.size() <= limits::feed_snapshot_batches_max;
                                     });
  };
  const auto ok = co_await run_blocking(s_.blocking, read);
  if (!ok) co_return std::nullopt;
  domain::seq newest = lag.upto;
  json::array batches;
  if (live.size() > limits::feed_snapshot_batches_max) {
    live.pop_back();
    words["more"] = true; // the newest are here, the rest is in the list of batches
  }
  for (auto& summary : live) {
    newest = std::max(newest, summary.seq);
    actors::batch_view view;
    view.summary = std::move(summary);
    batches.push_back(batch_object(view));
  }
  // What was read may not be on disk yet: it is when the feed knows of it.
  while (s_.events.last_seq() < newest) {
    if (stream_->ending() != stream_ending::none || !journal_of(s_)) co_return std::nullopt;
    co_await stream_->wait(milliseconds(limits::unsynced_tail_ms));
  }
  words["seq"] = lag.upto;
  words["batches"] = std::move(batches);
  co_return words;
}

task<void> feed_session::say_goodbye() {
  std::uint16_t code = close_going_away;
  std::string reason = "the server stops";
  if (closing_) {
    code = closing_->first;
    reason = closing_->second;
  } else if (stream_->ending() == stream_ending::too_slow) {
    code = close_try_again;
    reason = "too slow: connect again, and go on after the last seq";
  } else if (stream_->ending() == stream_ending::token_ended) {
    code = close_token_ended;
    reason = "the token was revoked or has expired";
  } else {
    const std::string bye = R"({"op":"bye"})";
    const bool alive = co_await write_text(bye);
    if (!alive) co_return;
  }
  co_await socket_.close(code, reason);
}

} // namespace darkroom::http
