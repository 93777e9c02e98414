// Who may follow what, how many at a time, how they get in and when they are put out; and the
// audit, which tells of it.
#include "followers.hpp"

using namespace darkroom;
using namespace darkroom::tests;

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
  CHECK(error(subscribe("1", others)) == "not_owner");
  CHECK(error(subscribe("1", "0192aaaa-0000-7000-8000-000000000000")) == "not_found");
  CHECK(error(subscribe("1", "nonsense")) == "invalid_id");
  CHECK(error(subscribe("0", mine)) == "invalid_value");
  CHECK(error(subscribe("\"a\"", mine)) == "invalid_value");
  CHECK(error(R"({"op":"subscribe","batch":"*"})") == "invalid_value");
  CHECK(error(R"({"op":"subscribe","id":1})") == "invalid_value");
  CHECK(error(subscribe("1", mine, R"(,"aftr":1)")) == "unknown_field");
  CHECK(error(subscribe("1", mine, R"(,"after":-1)")) == "invalid_value");
  CHECK(error(subscribe("1", mine, R"(,"after":999999)")) == "invalid_parameter");
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
  CHECK(bobs[0].at("outcome").as_string() == "not_owner");
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
