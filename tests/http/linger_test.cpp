// Answers that come before the end of their request, and connections that are over a limit.
#include "edge.hpp"

#include "http/eviction_list.hpp"
#include "http/limits.hpp"
#include "http/log_identity.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

std::string put_head(const std::string& more) {
  return "PUT /v1/batches/01890000-0000-7000-8000-000000000000/files/a.jpg HTTP/1.1\r\n"
         "Host: h\r\n" +
         more + "\r\n";
}

std::string content_length(std::size_t bytes) {
  return "Content-Length: " + std::to_string(bytes) + "\r\n";
}

// More than any socket buffers: a server that does not read it makes the client wait.
const std::string large(24 * limits::MiB, 'x');

} // namespace

TEST_CASE("the refusal of a large upload arrives, although nothing of it is used") {
  edge e;
  for (int round = 0; round < 5; ++round) {
    wire anonymous(e.port());
    anonymous.send(put_head(content_length(large.size())) + large);
    CHECK(anonymous.read().status == 401);
    wire unknown(e.port());
    unknown.send(put_head("Authorization: Bearer " + e.token("ann") + "\r\n" +
                          content_length(large.size())) +
                 large);
    CHECK(unknown.read().status == 404);
    CHECK(unknown.closes());
  }
  CHECK(comes_true([&] { return e.services().metrics.bytes_dropped > 100 * limits::MiB; }));
}

TEST_CASE("a refused upload in chunks is read to its end, too") {
  edge e;
  wire w(e.port());
  w.send(put_head("Transfer-Encoding: chunked\r\n"));
  for (int i = 0; i < 64; ++i)
    w.send("10000\r\n" + std::string(0x10000, 'x') + "\r\n");
  w.send("0\r\n\r\n");
  CHECK(w.read().status == 401);
}

TEST_CASE("a short rest of a refused upload does not cost the connection") {
  edge e;
  wire w(e.port());
  const std::string body(limits::kept_body_bytes_max, 'x');
  for (int i = 0; i < 3; ++i) {
    w.send(put_head(content_length(body.size())) + body);
    CHECK(w.read().status == 401);
  }
  const std::string longer = body + 'x';
  w.send(put_head(content_length(longer.size())) + longer);
  const auto last = w.read();
  CHECK(last.status == 401);
  CHECK(last.header("connection") == "close");
}

TEST_CASE("a client that waits for 100 (Continue) is refused without it, in any case of letters") {
  edge e;
  for (const std::string expect : {"100-continue", "100-Continue", "100-CONTINUE"}) {
    wire w(e.port());
    w.send(put_head("Expect: " + expect + "\r\n" + content_length(large.size())));
    CHECK(w.read().status == 401);
    CHECK(w.closes());
  }
  wire other(e.port());
  other.send(put_head("Expect: 200-ok\r\n" + content_length(5)));
  CHECK(other.read().status == 417);
}

TEST_CASE("a target may be absolute, and its host counts") {
  edge e;
  wire w(e.port());
  w.send("GET http://photos.example/livez?verbose HTTP/1.1\r\nHost: other\r\n\r\n");
  CHECK(w.read().status == 200);
  w.send("GET HTTPS://photos.example HTTP/1.1\r\nHost: other\r\n\r\n");
  CHECK(w.read().status == 200); // the page
  for (const std::string target : {"ftp://photos.example/livez", "http:///livez", "http:livez",
                                   "http://ann:secret@photos.example/livez", "livez"}) {
    wire bad(e.port());
    bad.send("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(bad.read().status == 400);
  }
}

TEST_CASE("every answer has a date") {
  edge e;
  for (const std::string request :
       {"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n", "GET /none HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /v1/batches HTTP/1.1\r\nHost: h\r\n\r\n", "nonsense\r\n\r\n"}) {
    wire w(e.port());
    w.send(request);
    const auto date = w.read().header("date");
    CHECK(date.size() == std::string{"Sun, 06 Nov 1994 08:49:37 GMT"}.size());
    CHECK(date.ends_with(" GMT"));
  }
}

TEST_CASE("over the limit of connections health is answered, and other requests get 503") {
  edge e([](config::settings& s) { s.http.connections_max = 2; });
  wire a(e.port()), b(e.port());
  for (auto* w : {&a, &b}) {
    w->send("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(w->read().status == 200);
  }
  std::vector<std::unique_ptr<wire>> idle;
  for (int i = 0; i < 100; ++i)
    idle.push_back(std::make_unique<wire>(e.port()));
  wire probe(e.port());
  probe.send("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(probe.read().status == 200);
  CHECK(probe.closes());
  wire user(e.port());
  user.send("GET /v1/batches HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto refused = user.read();
  CHECK(refused.status == 503);
  CHECK(refused.code() == "overloaded");
  CHECK_FALSE(refused.header("retry-after").empty());
  for (auto& w : idle) { // evicted, or too late
    const auto told = w->read();
    CHECK(told.status == 503);
    CHECK(told.code() == "overloaded");
  }
  a.send("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(a.read().status == 200); // who was there first stays
}

TEST_CASE("half a head and a body that stops do not hold up the end") {
  edge e;
  const auto id = e.batch("ann");
  wire head(e.port()), body(e.port());
  head.send("GET /livez HTTP/1.1\r\nHost:");
  body.send("PUT /v1/batches/" + id + "/files/a.jpg HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " +
            e.token("ann") + "\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n");
  REQUIRE(body.read().status == 100);
  body.send("PICTURE");
  e.drain();
  CHECK(head.closes());
  CHECK(body.read().status == 408); // and not after the wait that a running server grants
}

TEST_CASE("a full list evicts its oldest member, or the oldest of the same address") {
  std::string evicted;
  const auto note = [&](const char* name) { return [&evicted, name] { evicted += name; }; };
  http::eviction_list list(3, 2);
  auto a = list.enter("x", note("a"));
  auto b = list.enter("x", note("b"));
  CHECK(evicted.empty());
  auto c = list.enter("x", note("c")); // two of one address
  CHECK(evicted == "a");
  auto d = list.enter("y", note("d"));
  CHECK(evicted == "a");
  auto e = list.enter("z", note("e")); // three of all
  CHECK(evicted == "ab");
  d = {};
  auto f = list.enter("z", note("f"));
  CHECK(evicted == "ab"); // d has left
}

TEST_CASE("the log names a user by a keyed hash") {
  const http::log_identity one("key"), same("key"), other("another key");
  CHECK(one.of("ann") == same.of("ann"));
  CHECK(one.of("ann") != one.of("bob"));
  CHECK(one.of("ann") != other.of("ann"));
  CHECK(one.of("ann").size() == 16);
  CHECK(one.of("") == "-");
  // HMAC-SHA-256, as `printf %s ann | openssl dgst -sha256 -hmac key` prints it.
  CHECK(one.of("ann") == "9d77c3180ff81edf");
}
