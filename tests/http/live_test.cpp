// The feed as clients see it: WebSocket, server-sent events and the activity log are readings of
// one numbered list, for whoever may see it, through cuts, restarts and ends.
#include "edge.hpp"
#include "tests/support/socket_client.hpp"

#include <catch2/catch_test_macros.hpp>

#include <set>
#include <thread>

using namespace darkroom;
using namespace darkroom::tests;

namespace json = boost::json;

namespace {

// A client of the feed that keeps what it was told.
class follower {
public:
  follower(edge& server, const std::string& as)
      : follower(server.port(), {{"Authorization", "Bearer " + server.token(as)}}) {}
  follower(std::uint16_t port, const socket_client::headers& headers,
           const std::string& target = "/v1/events")
      : socket(port, target, headers) {
    REQUIRE(socket.status() == 101);
    CHECK(next().at("op").as_string() == "hello");
  }

  json::value next() {
    const auto text = socket.read_text();
    REQUIRE(text);
    return json::parse(*text);
  }
  void subscribe(int id, const std::string& batch, const std::string& more = {}) {
    socket.say(R"({"op":"subscribe","id":)" + std::to_string(id) + R"(,"batch":")" + batch + '"' +
               more + '}');
  }
  // Reads until something of this kind comes; events are kept on the way.
  json::value until(const std::string& op) {
    while (true) {
      auto message = next();
      const auto said = std::string{message.at("op").as_string()};
      if (said == "events")
        for (const auto& e : message.at("events").as_array())
          keep(e);
      if (said == op) return message;
    }
  }
  void until_event(const std::string& type) {
    while (types().find(type + '\n') == std::string::npos)
      until("events");
  }
  // Types of the durable events, one a line.
  std::string types() const {
    std::string text;
    for (const auto& e : events)
      text += std::string{e.at("type").as_string()} + '\n';
    return text;
  }
  std::uint64_t last() const {
    return events.empty() ? 0 : events.back().at("seq").to_number<std::uint64_t>();
  }

  socket_client socket;
  std::vector<json::value> events, volatiles;

private:
  void keep(const json::value& e) {
    if (e.as_object().contains("volatile")) {
      CHECK_FALSE(e.as_object().contains("seq"));
      volatiles.push_back(e);
    } else {
      events.push_back(e);
    }
  }
};

// Each event follows the one before it.
void check_chain(const std::vector<json::value>& events, std::uint64_t prev = 0) {
  for (const auto& e : events) {
    CHECK(e.at("prev").to_number<std::uint64_t>() == prev);
    prev = e.at("seq").to_number<std::uint64_t>();
  }
}

std::string started_batch(edge& server, const std::string& as, int files) {
  const auto id = server.batch(as);
  for (int i = 0; i < files; ++i)
    REQUIRE(
        server.put(as, id, "p" + std::to_string(i) + ".jpg", picture(std::to_string(i))).status ==
        201);
  REQUIRE(server.call(as, "POST", "/v1/batches/" + id + "/start").status == 202);
  return id;
}

std::vector<json::value> log_of(edge& server, const std::string& as, const std::string& id,
                                const std::string& limit = "7") {
  std::vector<json::value> all;
  for (std::string path = "/v1/batches/" + id + "/events?limit=" + limit; !path.empty();) {
    const auto page = server.call(as, "GET", path);
    REQUIRE(page.status == 200);
    const auto content = page.json();
    for (const auto& e : content.at("events").as_array())
      all.push_back(e);
    const auto link = page.header("link");
    CHECK(link.empty() != content.as_object().contains("next_after"));
    path = link.empty() ? "" : link.substr(1, link.find('>') - 1);
  }
  return all;
}

// A reader of server-sent events.
struct sse_client {
  wire connection;
  std::string text;
  sse_client(edge& server, const std::string& as, const std::string& path,
             const std::string& more = {})
      : connection(server.port()) {
    connection.send("GET " + path + " HTTP/1.1\r\nHost: test\r\nAccept: text/event-stream\r\n" +
                    (as.empty() ? "" : "Authorization: Bearer " + server.token(as) + "\r\n") +
                    more + "\r\n");
  }
  reply head() { return connection.read(true); }
  // Reads chunks until this has come.
  void until(const std::string& what) {
    while (text.find(what) == std::string::npos)
      REQUIRE(connection.read_chunk(text));
  }
  std::vector<std::uint64_t> ids() const {
    std::vector<std::uint64_t> all;
    for (std::size_t at = 0; (at = text.find("id: ", at)) != std::string::npos; ++at)
      all.push_back(std::stoull(text.substr(at + 4)));
    return all;
  }
};

} // namespace

TEST_CASE("a newcomer gets the state, then what happens") {
  edge server;
  server.conversions.close();
  const auto id = started_batch(server, "ann", 2);
  follower f(server, "ann");
  f.subscribe(1, id);
  const auto snapshot = f.until("snapshot");
  CHECK(snapshot.at("id").as_int64() == 1);
  CHECK(snapshot.at("batch").at("id").as_string() == id);
  CHECK(snapshot.at("batch").at("state").as_string() == "running");
  CHECK(snapshot.at("batch").at("files").at("total").as_int64() == 2);
  server.conversions.open();
  f.until_event("batch_finished");
  check_chain({f.events.begin() + 1, f.events.end()},
              f.events.front().at("seq").to_number<std::uint64_t>());
  CHECK(f.events.front().at("prev").to_number<std::uint64_t>() >=
        snapshot.at("seq").to_number<std::uint64_t>());
  CHECK(f.types().find("file_completed") != std::string::npos);
  for (const auto& e : f.events)
    if (e.at("type").as_string() == "file_completed")
      CHECK(std::string{e.at("data").at("path").as_string()}.starts_with("p"));
}

TEST_CASE("what was missed comes before ok, once, and the same as in the log") {
  edge server;
  const auto id = started_batch(server, "ann", 12);
  server.await_state("ann", id, "completed");
  const auto log = log_of(server, "ann", id);
  check_chain(log);
  follower all(server, "ann");
  all.subscribe(1, id, R"(,"after":0)");
  const auto ok = all.until("ok");
  CHECK(all.events == log);
  CHECK(ok.at("seq").to_number<std::uint64_t>() >= all.last());
  // From the middle on, and with nothing missed.
  const auto middle = log[log.size() / 2].at("seq").to_number<std::uint64_t>();
  follower some(server, "ann");
  some.subscribe(1, id, R"(,"after":)" + std::to_string(middle));
  some.until("ok");
  CHECK(some.events.size() == log.size() - log.size() / 2 - 1);
  check_chain(some.events, middle);
  follower none(server, "ann");
  none.subscribe(1, id, R"(,"after":)" + std::to_string(all.last()));
  none.until("ok");
  CHECK(none.events.empty());
}

TEST_CASE("one socket follows many batches, or all of one's own") {
  edge server;
  const auto first = server.batch("ann"), second = server.batch("ann"), other = server.batch("bob");
  follower f(server, "ann");
  f.subscribe(1, first, R"(,"after":0)");
  f.until("ok");
  f.subscribe(2, second, R"(,"after":0)");
  f.until("ok");
  CHECK(f.events.size() == 2);
  f.socket.say(R"({"op":"unsubscribe","id":1})");
  CHECK(f.until("unsubscribed").at("id").as_int64() == 1);
  server.call("ann", "PATCH", "/v1/batches/" + first, R"({"priority":1})");
  server.call("ann", "PATCH", "/v1/batches/" + second, R"({"priority":2})");
  f.until("events");
  CHECK(f.events.size() == 3);
  CHECK(f.events.back().at("batch").as_string() == second);

  follower mine(server, "ann");
  mine.subscribe(9, "*", R"(,"after":0)");
  mine.until("ok");
  CHECK(mine.events.size() == 4); // two created, two changed
  const auto third = server.batch("ann");
  (void)server.batch("bob");
  server.put("ann", third, "a.jpg", picture("a"));
  mine.until_event("files_added");
  CHECK(mine.events.size() == 6);
  std::uint64_t last = 0;
  for (const auto& e : mine.events) {
    CHECK(e.at("seq").to_number<std::uint64_t>() > last);
    last = e.at("seq").to_number<std::uint64_t>();
    CHECK(e.at("batch").as_string() != other);
  }
  // Without `after`: what has not ended.
  follower fresh(server, "ann");
  fresh.subscribe(1, "*");
  CHECK(fresh.until("snapshot").at("batches").as_array().size() == 3);
}

TEST_CASE("what cannot be subscribed to is said, and the rest goes on") {
  edge server;
  const auto mine = server.batch("ann"), others = server.batch("bob");
  follower f(server, "ann");
  const auto error = [&](const std::string& words) {
    f.socket.say(words);
    const auto told = f.until("error");
    return std::string{told.at("code").as_string()};
  };
  const auto subscribe = [](const std::string& id, const std::string& batch,
                            const std::string& more = {}) {
    return R"({"op":"subscribe","id":)" + id + R"(,"batch":")" + batch + '"' + more + '}';
  };
  CHECK(error(subscribe("1", others)) == "not_found");
  CHECK(error(subscribe("1", "0192aaaa-0000-7000-8000-000000000000")) == "not_found");
  CHECK(error(subscribe("1", "nonsense")) == "invalid_id");
  CHECK(error(subscribe("0", mine)) == "invalid_value");
  CHECK(error(subscribe("\"a\"", mine)) == "invalid_value");
  CHECK(error(R"({"op":"subscribe","batch":"*"})") == "invalid_value");
  CHECK(error(R"({"op":"subscribe","id":1})") == "invalid_value");
  CHECK(error(subscribe("1", mine, R"(,"aftr":1)")) == "unknown_field");
  CHECK(error(subscribe("1", mine, R"(,"after":-1)")) == "invalid_value");
  CHECK(error(subscribe("1", mine, R"(,"after":999999)")) == "invalid_value");
  CHECK(error(subscribe("1", "*", R"(,"owner":"bob")")) == "forbidden");
  CHECK(error(subscribe("1", "*", R"(,"owner":"*")")) == "forbidden");
  CHECK(error(subscribe("1", mine, R"(,"owner":"ann")")) == "invalid_value");
  CHECK(error(R"({"op":"unsubscribe","id":5})") == "not_found");
  CHECK(error(R"({"op":"unsubscribe"})") == "invalid_value");
  f.subscribe(1, mine, R"(,"after":0)");
  f.until("ok");
  CHECK(error(subscribe("1", mine)) == "invalid_value"); // the id is taken
  CHECK(error(subscribe("2", mine)) == "invalid_value"); // nothing comes twice
  CHECK(error(subscribe("2", "*")) == "invalid_value");
  // Who tried to see what is another's is in the audit.
  REQUIRE(comes_true([&] {
    const auto audit = server.audit();
    return std::ranges::count_if(audit, [&](const auto& e) {
             return e.action == "feed.subscribe" && e.user == "ann" && e.status != 200;
           }) == 3;
  }));
}

TEST_CASE("admins follow anyone's, and the audit tells") {
  edge server;
  const auto id = server.batch("ann");
  follower one(server, "admin"), all(server, "admin"), hers(server, "admin");
  one.subscribe(1, id, R"(,"after":0)");
  one.until("ok");
  CHECK(one.events.size() == 1);
  all.subscribe(1, "*", R"(,"owner":"*","after":0)");
  all.until("ok");
  hers.subscribe(1, "*", R"(,"owner":"ann","after":0)");
  hers.until("ok");
  (void)server.batch("bob");
  (void)server.batch("ann");
  all.until("events");
  hers.until("events");
  CHECK(hers.events.size() == 2);
  while (all.events.size() < 3)
    all.until("events");
  REQUIRE(comes_true([&] {
    const auto audit = server.audit();
    return std::ranges::count_if(audit, [](const auto& e) {
             return e.action == "feed.subscribe" && e.user == "admin" && e.outcome == "ok";
           }) == 3;
  }));
}

TEST_CASE("progress is volatile: files, the batch and its place in the queue") {
  edge server({}, 1);
  server.conversions.close();
  const auto first = started_batch(server, "ann", 3);
  const auto second = started_batch(server, "ann", 2);
  follower f(server, "ann");
  f.subscribe(1, "*");
  f.until("snapshot");
  const auto find = [&](const std::string& type, const std::string& batch) -> const json::value* {
    for (const auto& e : f.volatiles)
      if (e.at("type").as_string() == type && e.at("batch").as_string() == batch) return &e;
    return nullptr;
  };
  while (find("file_progress", first) == nullptr || find("queue_position", second) == nullptr)
    f.until("events");
  const auto& file = find("file_progress", first)->at("data");
  CHECK(file.at("stage").as_string() == "encoding");
  CHECK(file.at("percent").as_int64() == 50);
  CHECK(std::string{file.at("path").as_string()}.starts_with("p"));
  CHECK(find("queue_position", second)->at("data").at("files_ahead").as_int64() == 2);
  server.conversions.open();
  const auto done = [&] {
    return std::ranges::any_of(f.volatiles, [&](const auto& e) {
      return e.at("type").as_string() == "batch_progress" && e.at("batch").as_string() == second &&
             e.at("data").at("state").as_string() == "completed";
    });
  };
  while (!done())
    f.until("events");
  for (const auto& e : f.volatiles)
    if (e.at("type").as_string() == "batch_progress") {
      const auto& files = e.at("data").at("files");
      std::int64_t sum = 0;
      for (const auto* state :
           {"queued", "running", "retry_wait", "completed", "failed", "cancelled"})
        sum += files.at(state).as_int64();
      CHECK(sum == files.at("total").as_int64());
      for (const auto* name : {"percent", "bytes_in", "bytes_out", "megapixels_per_s", "in_flight"})
        CHECK(e.at("data").as_object().contains(name));
    }
}

TEST_CASE("the activity log can be read by people") {
  edge server;
  const auto id = server.batch("ann", R"(,"name":"Holidays")");
  server.put("ann", id, "a/b.jpg", picture("1"));
  server.put("ann", id, "c.jpg", picture("BROKEN"));
  server.call("ann", "POST", "/v1/batches/" + id + "/start");
  server.await_state("ann", id, "completed_with_errors");
  const auto path = "/v1/batches/" + id + "/events";
  const auto log = server.call("ann", "GET", path + "?view=log");
  CHECK(log.header("content-type") == "text/plain; charset=utf-8");
  INFO(log.body);
  for (const auto* line : {"created by ann: Holidays\n", "1 file added: a/b.jpg\n", " started\n",
                           "a/b.jpg converted, 9 B -> 14 B in ",
                           "c.jpg failed: ", "finished: completed_with_errors\n"})
    CHECK(log.body.find(line) != std::string::npos);
  CHECK(server.call("ann", "GET", path + "?view=poem").code() == "invalid_parameter");
  CHECK(server.call("ann", "GET", path + "?after=x").code() == "invalid_parameter");
  CHECK(server.call("ann", "GET", path + "?limit=0").code() == "invalid_parameter");
  CHECK(server.call("bob", "GET", path).code() == "not_found");
  CHECK(server.call("", "GET", path).status == 401);
}

TEST_CASE("the answer to a command is followed by a log that has it") {
  edge server;
  server.conversions.close();
  const auto id = started_batch(server, "ann", 1);
  const auto path = "/v1/batches/" + id;
  for (int i = 0; i < 20; ++i) {
    const auto verb = i % 2 == 0 ? "/pause" : "/resume";
    const auto answer = server.call("ann", "POST", path + verb);
    const auto seq = answer.json().at("seq").to_number<std::uint64_t>();
    const auto log = log_of(server, "ann", id, "1000");
    CHECK(std::ranges::any_of(log, [&](const auto& e) { // a file may have started since
      return e.at("seq").template to_number<std::uint64_t>() == seq;
    }));
  }
}

TEST_CASE("server-sent events are the same list, and go on after the last id") {
  edge server;
  server.conversions.close();
  const auto id = started_batch(server, "ann", 3);
  const auto path = "/v1/batches/" + id + "/events";
  sse_client first(server, "ann", path);
  const auto head = first.head();
  CHECK(head.status == 200);
  CHECK(head.header("content-type") == "text/event-stream");
  CHECK(head.header("cache-control") == "no-store");
  first.until("retry: 2000\n\n");
  first.until("batch_started");
  const auto seen = first.ids();
  server.conversions.open();
  server.await_state("ann", id, "completed");
  const auto log = log_of(server, "ann", id);
  std::vector<std::uint64_t> all;
  for (const auto& e : log)
    all.push_back(e.at("seq").to_number<std::uint64_t>());
  first.until("batch_finished");
  CHECK(first.ids() == all);
  // Events that do not last have no id.
  first.until("\"volatile\":true");
  sse_client second(server, "ann", path + "?after=1",
                    "Last-Event-ID: " + std::to_string(seen.back()) + "\r\n");
  second.head();
  second.until("batch_finished");
  auto both = seen;
  for (const auto seq : second.ids())
    both.push_back(seq);
  CHECK(both == all);
  sse_client bad(server, "ann", path, "Last-Event-ID: x\r\n");
  CHECK(bad.head().status == 400);
  sse_client other(server, "bob", path);
  CHECK(other.head().status == 404);
}

TEST_CASE("tokens get in by header and subprotocol, tickets once, and nothing by the address") {
  edge server;
  const auto token = server.token("ann");
  const auto status = [&](const socket_client::headers& headers, const std::string& query = {}) {
    return socket_client(server.port(), "/v1/events" + query, headers).status();
  };
  CHECK(status({}) == 401);
  CHECK(status({{"Authorization", "Bearer " + token}}) == 101);
  CHECK(status({{"Sec-WebSocket-Protocol", "bearer." + token}}) == 101);
  CHECK(status({{"Sec-WebSocket-Protocol", "bearer." + token + "0"}}) == 401);
  CHECK(status({}, "?token=" + token) == 401);
  CHECK(status({}, "?access_token=" + token) == 401);
  const auto ticket = [&] {
    const auto made = server.call("ann", "POST", "/v1/tickets");
    CHECK(made.status == 201);
    CHECK(made.header("cache-control") == "no-store");
    return std::string{made.json().at("ticket").as_string()};
  };
  const auto first = ticket();
  CHECK(status({}, "?ticket=" + first) == 101);
  CHECK(status({}, "?ticket=" + first) == 401); // it was used
  CHECK(status({}, "?ticket=x") == 401);
  CHECK(server.call("", "GET", "/v1/me?ticket=" + ticket()).status == 401); // only for feeds
  const auto id = server.batch("ann");
  sse_client stream(server, "", "/v1/batches/" + id + "/events?ticket=" + ticket());
  CHECK(stream.head().status == 200);
  // A ticket is worth as much as the token behind it.
  const auto late = ticket();
  const auto token_id = token.substr(3, token.find('_', 3) - 3);
  CHECK(server.call("admin", "DELETE", "/v1/admin/tokens/" + token_id).status == 204);
  CHECK(status({}, "?ticket=" + late) == 401);
  CHECK(server.call("", "POST", "/v1/tickets").status == 401);
}

TEST_CASE("a token that is revoked or expires takes its feeds with it") {
  edge server;
  const auto id = server.batch("ann");
  follower f(server, "ann");
  follower other(server, "bob");
  sse_client stream(server, "ann", "/v1/batches/" + id + "/events");
  CHECK(stream.head().status == 200);
  stream.until("batch_created");
  const auto token = server.token("ann");
  server.call("admin", "DELETE", "/v1/admin/tokens/" + token.substr(3, token.find('_', 3) - 3));
  CHECK(f.socket.read_to_close() == 4401);
  CHECK(stream.connection.closes_after_chunks());
  other.socket.say(R"({"op":"ping"})");
  other.until("pong");

  const auto made =
      server.call("admin", "POST", "/v1/admin/tokens", R"({"user":"eve","expires_in_s":1})");
  const auto brief = std::string{made.json().at("token").as_string()};
  follower expiring(server.port(), {{"Authorization", "Bearer " + brief}});
  CHECK(expiring.socket.read_to_close() == 4401);
}

TEST_CASE("feeds are limited for each address, user and batch") {
  edge server([](config::settings& s) {
    s.feed.streams_per_ip_max = 4;
    s.feed.streams_per_user_max = 3;
    s.feed.streams_per_batch_max = 2;
  });
  const auto id = server.batch("ann");
  follower a(server, "ann"), b(server, "ann"), c(server, "ann");
  for (auto* f : {&a, &b}) {
    f->subscribe(1, id);
    f->until("snapshot");
  }
  c.subscribe(1, id);
  CHECK(c.until("error").at("code").as_string() == "too_many_streams");
  c.subscribe(2, "*"); // the socket is as good as before
  c.until("snapshot");
  {
    socket_client fourth(server.port(), "/v1/events",
                         {{"Authorization", "Bearer " + server.token("ann")}});
    CHECK(fourth.status() == 101); // a browser tells its page only how a socket was closed
    CHECK(fourth.read_to_close() == 4429);
  }
  sse_client stream(server, "ann", "/v1/batches/" + id + "/events");
  CHECK(stream.head().status == 429);
  follower d(server, "bob");
  socket_client fifth(server.port(), "/v1/events",
                      {{"Authorization", "Bearer " + server.token("eve")}});
  CHECK(fifth.status() == 429);
  CHECK(fifth.body().find("too_many_streams") != std::string::npos);
  // One that goes makes room.
  d.socket.send({.opcode = 8, .payload = "\x03\xe8"});
  CHECK(d.socket.read_to_close() == 1000);
  REQUIRE(comes_true([&] {
    return socket_client(server.port(), "/v1/events",
                         {{"Authorization", "Bearer " + server.token("eve")}})
               .status() == 101;
  }));
}

TEST_CASE("a client that never reads is cut off; the batch and others do not notice") {
  edge server;
  const auto id = server.batch("ann");
  socket_client deaf(server.port(), "/v1/events",
                     {{"Authorization", "Bearer " + server.token("ann")}});
  deaf.say(R"({"op":"subscribe","id":1,"batch":")" + id + R"(","after":0})");
  follower f(server, "ann");
  f.subscribe(1, id, R"(,"after":0)");
  f.until("ok");
  // Until what the kernel keeps is full as well, and a mebibyte more.
  const std::string tags = R"({"tags":[")" + std::string(60, 'x') + R"("]})";
  const std::string name(250, 'n');
  int changes = 0;
  while (server.services().events.streams_cut() == 0) {
    REQUIRE(++changes < 60'000);
    const auto body = R"({"name":")" + name + std::to_string(changes) + R"("})";
    REQUIRE(server.call("ann", "PATCH", "/v1/batches/" + id, body).status == 200);
    if (f.socket.readable(std::chrono::milliseconds(0))) f.until("events");
  }
  while (f.events.size() < static_cast<std::size_t>(changes) + 1)
    f.until("events");
  check_chain(f.events);
  CHECK(server.services().events.streams_cut() == 1);
  // It was closed, sooner or later, and comes back where it was.
  std::uint64_t last = 0;
  while (const auto text = deaf.read_text()) {
    const auto message = json::parse(*text);
    if (message.at("op").as_string() == "events")
      for (const auto& e : message.at("events").as_array())
        if (e.as_object().contains("seq")) last = e.at("seq").to_number<std::uint64_t>();
  }
  CHECK((deaf.closed() == 1013 || deaf.closed() == 0));
  follower back(server, "ann");
  back.subscribe(1, id, R"(,"after":)" + std::to_string(last));
  back.until("ok");
  check_chain(back.events, last);
  CHECK(back.last() == f.last());
}

TEST_CASE("too much missed: the state, then what happens") {
  edge server;
  const auto id = server.batch("ann");
  // With the first, 10,001 events.
  domain::batch_id batch = *domain::parse_batch_id(id);
  auto& actors = server.services().gateway.actors();
  for (std::uint32_t i = 1; i <= limits::feed_missed_events_max; ++i)
    REQUIRE(actors.command(batch, domain::change_priority{static_cast<std::uint8_t>(i % 10)}).ok);
  follower f(server, "ann");
  f.subscribe(1, id, R"(,"after":0)");
  const auto snapshot = f.until("snapshot");
  CHECK(f.events.empty());
  CHECK(snapshot.at("batch").at("seq") == snapshot.at("seq"));
  server.call("ann", "PATCH", "/v1/batches/" + id, R"({"name":"new"})");
  f.until("events");
  CHECK(f.events.front().at("prev") == snapshot.at("seq"));
  // Server-sent events have no snapshot: all of it comes.
  sse_client stream(server, "ann", "/v1/batches/" + id + "/events");
  stream.head();
  stream.until("details_changed");
  CHECK(stream.ids().size() == limits::feed_missed_events_max + 2);
}

TEST_CASE("at its end the server says so, and a client goes on where it was") {
  edge server;
  const auto id = server.batch("ann");
  server.put("ann", id, "a.jpg", picture("a"));
  auto before = std::make_unique<follower>(server, "ann");
  before->subscribe(1, id, R"(,"after":0)");
  before->until("ok");
  auto stream = std::make_unique<sse_client>(server, "ann", "/v1/batches/" + id + "/events");
  stream->head();
  stream->until("files_added");
  std::string farewell;
  bool stream_ended = false;
  std::thread reader([&] { // throws, and asserts nothing: it is not the test's own thread
    while (const auto text = before->socket.read_text())
      farewell = *text;
    stream_ended = stream->connection.closes_after_chunks();
  });
  server.restart();
  reader.join();
  CHECK(farewell == R"({"op":"bye"})");
  CHECK(before->socket.closed() == 1001);
  CHECK(stream_ended);
  server.call("ann", "POST", "/v1/batches/" + id + "/start");
  server.await_state("ann", id, "completed");
  follower after(server, "ann");
  after.subscribe(1, id, R"(,"after":)" + std::to_string(before->last()));
  after.until("ok");
  auto all = before->events;
  all.insert(all.end(), after.events.begin(), after.events.end());
  check_chain(all);
  CHECK(all == log_of(server, "ann", id));
}

TEST_CASE("who was away while a batch was paused, cancelled or deleted ends with the right state") {
  edge server;
  server.conversions.close();
  const auto paused = started_batch(server, "ann", 2), cancelled = started_batch(server, "ann", 2),
             deleted = started_batch(server, "ann", 2);
  std::uint64_t last = 0;
  {
    follower f(server, "ann");
    f.subscribe(1, "*", R"(,"after":0)");
    f.until("ok");
    last = f.last();
  }
  const auto tell = [&](const std::string& method, const std::string& path) {
    const auto answer = server.call("ann", method, "/v1/batches/" + path);
    CHECK((answer.status == 200 || answer.status == 202));
  };
  tell("POST", paused + "/pause");
  tell("POST", cancelled + "/cancel");
  tell("DELETE", deleted + "?cancel=true");
  follower f(server, "ann");
  f.subscribe(1, "*", R"(,"after":)" + std::to_string(last));
  f.until("ok");
  std::map<std::string, std::string> newest; // of commands, by batch
  for (const auto& e : f.events) {
    const std::string type{e.at("type").as_string()};
    if (type.starts_with("batch_")) newest[std::string{e.at("batch").as_string()}] = type;
  }
  CHECK(newest[paused] == "batch_paused");
  CHECK(newest[cancelled] == "batch_cancelled");
  CHECK(newest[deleted] == "batch_deleted");
  follower one(server, "ann");
  one.subscribe(1, deleted, R"(,"after":)" + std::to_string(last));
  CHECK(one.until("error").at("code").as_string() == "not_found");
  // Also when nothing else is left of it, and after a restart.
  server.conversions.open();
  server.restart();
  follower later(server, "ann");
  later.subscribe(1, "*", R"(,"after":)" + std::to_string(last));
  later.until("ok");
  CHECK(later.types().find("batch_deleted\n") != std::string::npos);
}

TEST_CASE("who follows a batch is told of its deletion") {
  edge server;
  const auto id = server.batch("ann");
  follower f(server, "ann");
  f.subscribe(1, id);
  f.until("snapshot");
  server.call("ann", "DELETE", "/v1/batches/" + id);
  f.until_event("batch_deleted");
}

TEST_CASE("a client that leaves makes room at once") {
  edge server([](config::settings& s) { s.feed.streams_per_batch_max = 1; });
  const auto id = server.batch("ann");
  for (int i = 0; i < 20; ++i) {
    REQUIRE(comes_true([&] { // the one before was noticed to be gone
      sse_client stream(server, "ann", "/v1/batches/" + id + "/events");
      return stream.head().status == 200;
    }));
  }
}

TEST_CASE("the audit is read page by page, filtered, or as a whole") {
  edge server;
  const auto id = server.batch("ann");
  server.call("ann", "PATCH", "/v1/batches/" + id, R"({"priority":3})");
  server.call("bob", "DELETE", "/v1/batches/" + id);
  server.call("bob", "POST", "/v1/batches", "{");
  REQUIRE(comes_true([&] { return server.audit().size() >= 4; }));
  CHECK(server.call("ann", "GET", "/v1/admin/audit").code() == "forbidden");
  const auto entries = [&](const std::string& query) {
    std::vector<json::value> all;
    for (std::string path = "/v1/admin/audit?" + query; !path.empty();) {
      const auto page = server.call("admin", "GET", path);
      INFO(page.body);
      REQUIRE(page.status == 200);
      const auto content = page.json();
      for (const auto& e : content.at("entries").as_array())
        all.push_back(e);
      const auto link = page.header("link");
      path = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    }
    return all;
  };
  const auto bobs = entries("user=bob&limit=1");
  REQUIRE(bobs.size() == 2);
  CHECK(bobs[0].at("action").as_string() == "batch.delete");
  CHECK(bobs[0].at("outcome").as_string() == "not_found");
  CHECK(entries("action=batch.change").size() == 1);
  CHECK(entries("batch=" + id).size() == 3);
  CHECK(entries("user=nobody").empty());
  CHECK(server.call("admin", "GET", "/v1/admin/audit?batch=x").code() == "invalid_id");
  const auto all =
      server.call("admin", "GET", "/v1/admin/audit", {}, {{"Accept", "application/x-ndjson"}});
  CHECK(all.header("content-type") == "application/x-ndjson");
  CHECK(std::ranges::count(all.body, '\n') >= 5);
  // That it was looked at is in it too.
  REQUIRE(comes_true([&] { return entries("action=audit.read").size() >= 3; }));
}
