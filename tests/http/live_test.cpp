// The feed as clients see it: WebSocket, server-sent events and the activity log are readings of
// one numbered list, through cuts, restarts and ends.
#include "followers.hpp"
#include "http/limits.hpp"

#include <map>
#include <thread>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

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

// Waits for a batch to end, and until the feed has told that: it does a moment later.
void await_end_in_feed(edge& server, const std::string& as, const std::string& id) {
  server.await_state(as, id, "completed");
  follower f(server, as);
  f.subscribe(1, id, R"(,"after":0)");
  f.until_event("batch_finished");
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
  await_end_in_feed(server, "ann", id);
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
  // Without `after`: what has not ended, the newest first.
  const auto snapshot_of = [&](const std::string& user, const std::string& more = {}) {
    follower fresh(server, user);
    fresh.subscribe(1, "*", more);
    const auto snapshot = fresh.until("snapshot");
    std::vector<std::string> ids;
    for (const auto& batch : snapshot.at("batches").as_array())
      ids.emplace_back(batch.at("id").as_string());
    return ids;
  };
  using ids = std::vector<std::string>;
  CHECK(snapshot_of("ann") == ids{third, second, first});
  REQUIRE(server.call("ann", "POST", "/v1/batches/" + third + "/start").status == 202);
  await_end_in_feed(server, "ann", third);
  CHECK(snapshot_of("ann") == ids{second, first});
  CHECK(snapshot_of("admin", R"(,"owner":"*")").size() == 4); // with two of Bob's
  server.restart();
  CHECK(snapshot_of("ann") == ids{second, first});
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
  CHECK(file.at("node") == "local");
  CHECK(file.at("stage").as_string() == "encoding");
  CHECK(file.at("percent").as_int64() == 50);
  CHECK(std::string{file.at("path").as_string()}.starts_with("p"));
  const auto& place = find("queue_position", second)->at("data");
  CHECK(place.at("files_ahead").as_int64() == 2);
  CHECK(place.at("waiting_for").as_string() == "turn");
  // The batch and the list say the same; of a batch that runs, they say nothing.
  const auto waits = [](const json::value& batch) {
    return json::serialize(batch.at("waiting_for"));
  };
  const auto get = [&](const std::string& path) { return server.call("ann", "GET", path).json(); };
  CHECK(waits(get("/v1/batches/" + second)) == R"("turn")");
  CHECK(waits(get("/v1/batches/" + first)) == "null");
  const auto all = get("/v1/batches").at("batches").as_array();
  REQUIRE(all.size() == 2);
  CHECK(waits(all[0]) == R"("turn")"); // the newest first
  CHECK(waits(all[1]) == "null");
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
  CHECK(server.call("bob", "GET", path).code() == "not_owner");
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
  for (const auto* last : {"x", "-1", "999999", "18446744073709551615"}) {
    INFO(last);
    sse_client bad(server, "ann", path, "Last-Event-ID: " + std::string{last} + "\r\n");
    CHECK(bad.head().status == 400);
  }
  sse_client other(server, "bob", path);
  CHECK(other.head().status == 403);
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

TEST_CASE("an id may be used again at once, and stands for the new subscription only") {
  edge server;
  const auto first = started_batch(server, "ann", 30), second = started_batch(server, "ann", 3);
  await_end_in_feed(server, "ann", first);
  await_end_in_feed(server, "ann", second);
  const auto wanted = log_of(server, "ann", second);
  for (int i = 0; i < 20; ++i) {
    follower f(server, "ann");
    f.subscribe(1, first, R"(,"after":0)");
    f.socket.say(R"({"op":"unsubscribe","id":1})");
    f.subscribe(1, second, R"(,"after":0)");
    f.until("unsubscribed");
    f.events.clear();
    f.until("ok");
    std::erase_if(f.events, [&](const auto& e) { return e.at("batch").as_string() == first; });
    CHECK(f.events == wanted);
  }
}

TEST_CASE("too much missed: the state, then what happens") {
  edge server;
  const auto id = server.batch("ann");
  // More than the limit, whether or not the feed has the last of them yet.
  constexpr std::size_t changes = limits::feed_missed_events_max + 16;
  domain::batch_id batch = *domain::parse_batch_id(id);
  auto& actors = server.services().gateway.actors();
  for (std::size_t i = 1; i <= changes; ++i)
    REQUIRE(darkroom::actors::resulting_view(actors.command(
                batch, domain::change_priority{static_cast<std::uint8_t>(i % 10)})) != nullptr);
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
  CHECK(stream.ids().size() == changes + 2); // with its creation and its new name
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
  await_end_in_feed(server, "ann", id);
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
  f.until_event("batch_deleted"); // the last of them; what was acknowledged comes, be it after "ok"
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
  later.until_event("batch_deleted");
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
