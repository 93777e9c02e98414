// The WebSocket protocol against a raw socket, group by group as the Autobahn test suite has it:
// framing, pings, reserved bits, opcodes, fragments, UTF-8, closes, limits. A client that keeps to
// the protocol gets an answer, one that does not gets the right code.
#include "edge.hpp"
#include "tests/support/socket_client.hpp"

#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

const std::string ping = R"({"op":"ping","id":7})";

std::string padded(std::size_t size) {
  return ping + std::string(size - ping.size(), ' ');
}

std::string close_payload(unsigned code, const std::string& reason = {}) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code)} + reason;
}

constexpr std::uint16_t answered = 1; // not closed: the ping of the last message was answered
constexpr std::uint16_t error_told = 2;

struct conversation {
  std::string name;
  std::string bytes; // of all frames
  std::uint16_t outcome;
};

socket_client connected(edge& server) {
  return {server.port(), "/v1/events", {{"Authorization", "Bearer " + server.token("ann")}}};
}

// What comes of it: `answered`, `error_told` or the code of the close.
std::uint16_t outcome_of(socket_client& client) {
  while (const auto text = client.read_text()) {
    if (text->find(R"("op":"pong")") != std::string::npos) return answered;
    if (text->find(R"("op":"error")") != std::string::npos) return error_told;
  }
  return client.closed();
}

std::vector<conversation> conversations() {
  std::vector<conversation> all;
  const auto add = [&](const std::string& name, std::uint16_t outcome,
                       const std::vector<socket_frame>& frames) {
    std::string bytes;
    for (const auto& frame : frames)
      bytes += bytes_of(frame);
    all.push_back({name, bytes, outcome});
  };
  // 1: framing
  for (const std::size_t size : {20, 125, 126, 127, 128, 1'000, 16'384})
    add("1 text of " + std::to_string(size), answered, {{.payload = padded(size)}});
  add("1 empty text", 1008, {{.payload = ""}});
  add("1 binary", 1003, {{.opcode = 2, .payload = ping}});
  add("1 empty binary", 1003, {{.opcode = 2}});
  add("1 not masked", 1002, {{.payload = ping, .masked = false}});
  all.push_back({"1 length of 20 in 16 bits",
                 std::string("\x81\xfe\x00\x14\x00\x00\x00\x00", 8) + ping, 1002});
  all.push_back({"1 length of 20 in 64 bits",
                 std::string("\x81\xff\0\0\0\0\0\0\0\x14\0\0\0\0", 14) + ping, 1002});
  all.push_back({"1 length with its highest bit set",
                 std::string("\x81\xff\x80\0\0\0\0\0\0\x14\0\0\0\0", 14) + ping, 1009});
  // 2: pings and pongs
  add("2 ping and text", answered, {{.opcode = 9}, {.payload = ping}});
  add("2 ping of 125", answered,
      {{.opcode = 9, .payload = std::string(125, '\xfe')}, {.payload = ping}});
  add("2 ping of 126", 1002, {{.opcode = 9, .payload = std::string(126, 'x')}, {.payload = ping}});
  add("2 pong that nobody asked for", answered,
      {{.opcode = 10, .payload = "x"}, {.payload = ping}});
  // 3: reserved bits
  for (const unsigned bits : {1u, 2u, 4u, 7u}) {
    add("3 reserved bits of text " + std::to_string(bits), 1002,
        {{.payload = ping, .reserved = bits}});
    add("3 reserved bits of a ping " + std::to_string(bits), 1002,
        {{.opcode = 9, .reserved = bits}, {.payload = ping}});
    add("3 reserved bits of a close " + std::to_string(bits), 1002,
        {{.opcode = 8, .payload = close_payload(1000), .reserved = bits}});
  }
  // 4: opcodes
  for (const unsigned opcode : {3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u})
    add("4 opcode " + std::to_string(opcode), 1002, {{.opcode = opcode, .payload = ping}});
  // 5: fragments
  const auto half = ping.size() / 2;
  const std::string front = ping.substr(0, half), back = ping.substr(half);
  const socket_frame begin{.fin = false, .payload = front};
  const socket_frame end{.opcode = 0, .payload = back};
  add("5 two fragments", answered, {begin, end});
  add("5 a ping between fragments", answered, {begin, {.opcode = 9, .payload = "x"}, end});
  add("5 a message that begins twice", 1002, {{.fin = false}, begin, end});
  add("5 empty continuations", answered,
      {begin, {.fin = false, .opcode = 0}, {.fin = false, .opcode = 0}, end});
  add("5 a ping in fragments", 1002, {{.fin = false, .opcode = 9, .payload = "x"}});
  add("5 a close in fragments", 1002, {{.fin = false, .opcode = 8}});
  add("5 a continuation of nothing", 1002, {{.opcode = 0, .payload = ping}});
  add("5 a continuation of nothing, unfinished", 1002, {{.fin = false, .opcode = 0}});
  add("5 text in the middle of text", 1002, {begin, {.payload = ping}});
  {
    std::vector<socket_frame> letters;
    for (std::size_t i = 0; i < ping.size(); ++i)
      letters.push_back({i + 1 == ping.size(), i == 0 ? 1u : 0u, ping.substr(i, 1)});
    add("5 letter by letter", answered, letters);
    std::vector<socket_frame> endless{{.fin = false, .payload = " "}};
    for (int i = 0; i < 40; ++i)
      endless.push_back({.fin = false, .opcode = 0, .payload = std::string(1'024, ' ')});
    add("5 fragments without end", 1009, endless);
    std::vector<socket_frame> empty{{.fin = false, .payload = " "}};
    for (int i = 0; i < 60'000; ++i)
      empty.push_back({.fin = false, .opcode = 0});
    add("5 empty fragments without end", 1008, empty);
  }
  // 6: UTF-8
  const auto text = [](const std::string& inside) { return R"({"op":")" + inside + "\"}"; };
  add("6 of several bytes", error_told,
      {{.payload = text("\u03ba\u1f79\u03c3\u03bc\u03b5 \U0001f4f7")}});
  add("6 a letter across fragments", error_told,
      {{.fin = false, .payload = "{\"op\":\"\xce"}, {.opcode = 0, .payload = "\xba\"}"}});
  for (const auto* bad : {"\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe",
                          "\xff", "\x80", "\xbf", "\xce", "\xe1\xbd", "\xf0\x9f\x93"}) {
    add("6 bad " + std::to_string(static_cast<unsigned char>(bad[0])), 1007,
        {{.payload = text(bad)}});
    add("6 bad in a fragment " + std::to_string(static_cast<unsigned char>(bad[0])), 1007,
        {{.fin = false, .payload = "{\"op\":\""},
         {.opcode = 0, .payload = std::string{bad} + "\"}"}});
  }
  add("6 cut at its end", 1007, {{.payload = "\xf0\x9f\x93"}});
  // 7: closes
  add("7 empty", 1000, {{.opcode = 8}});
  add("7 of one byte", 1002, {{.opcode = 8, .payload = "\x03"}});
  add("7 with a reason", 1000, {{.opcode = 8, .payload = close_payload(1000, "bye")}});
  add("7 with the longest reason", 1000,
      {{.opcode = 8, .payload = close_payload(1000, std::string(123, 'x'))}});
  add("7 with too long a reason", 1002,
      {{.opcode = 8, .payload = close_payload(1000, std::string(124, 'x'))}});
  add("7 with a reason that is no text", 1002,
      {{.opcode = 8, .payload = close_payload(1000, "\xce")}});
  add("7 and nothing after it counts", 1000,
      {{.opcode = 8, .payload = close_payload(1000)}, {.payload = ping}, {.opcode = 9}});
  for (const unsigned code :
       {1000u, 1001u, 1002u, 1003u, 1007u, 1008u, 1009u, 1010u, 1011u, 3000u, 3999u, 4000u, 4999u})
    add("7 code " + std::to_string(code), static_cast<std::uint16_t>(code),
        {{.opcode = 8, .payload = close_payload(code)}});
  for (const unsigned code : {0u, 999u, 1004u, 1005u, 1006u, 1016u, 1100u, 2000u, 2999u})
    add("7 forbidden code " + std::to_string(code), 1002,
        {{.opcode = 8, .payload = close_payload(code)}});
  for (const unsigned code : {5000u, 65535u}) // of which the protocol says nothing
    add("7 undefined code " + std::to_string(code), static_cast<std::uint16_t>(code),
        {{.opcode = 8, .payload = close_payload(code)}});
  // 9: limits
  add("9 one byte too many", 1009, {{.payload = padded(16'385)}});
  add("9 a mebibyte", 1009, {{.payload = padded(1'048'576)}});
  all.push_back(
      {"9 a gibibyte, announced", std::string("\x81\xff\0\0\0\0\x40\0\0\0\0\0\0\0", 14), 1009});
  // And what is no WebSocket at all, or no message of ours.
  all.push_back({"x another protocol", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1002});
  add("x no JSON", 1008, {{.payload = "hello"}});
  add("x a list", 1008, {{.payload = "[1]"}});
  add("x JSON with a member twice", 1008, {{.payload = R"({"op":"ping","op":"ping"})"}});
  add("x no op", error_told, {{.payload = "{}"}});
  add("x an unknown op", error_told, {{.payload = R"({"op":"shout"})"}});
  add("x an unknown member", error_told, {{.payload = R"({"op":"ping","at":1})"}});
  return all;
}

} // namespace

TEST_CASE("every conversation ends as the protocol says") {
  edge server;
  for (const auto& c : conversations()) {
    INFO(c.name);
    auto client = connected(server);
    REQUIRE(client.status() == 101);
    client.send_raw(c.bytes);
    CHECK(outcome_of(client) == c.outcome);
  }
  // Nobody else has noticed anything.
  auto client = connected(server);
  client.say(ping);
  CHECK(outcome_of(client) == answered);
}

TEST_CASE("frames may come byte by byte, and together with the request") {
  edge server;
  auto client = connected(server);
  for (const char byte : bytes_of({.opcode = 9, .payload = "p"}) + bytes_of({.payload = ping}))
    client.send_raw(std::string(1, byte));
  CHECK(outcome_of(client) == answered);

  wire early(server.port());
  early.send(
      "GET /v1/events HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, Upgrade\r\n"
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: x, darkroom.v1\r\n"
      "Authorization: Bearer " +
      server.token("ann") + "\r\n\r\n" + bytes_of({.payload = ping}));
  const auto head = early.read(true);
  CHECK(head.status == 101);
  CHECK(head.header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); // RFC 6455
  CHECK(head.header("sec-websocket-protocol") == "darkroom.v1");
  CHECK_FALSE(head.header("x-request-id").empty());
  CHECK_FALSE(early.closes()); // it says hello, and pong
}

TEST_CASE("pings are answered in order, with what was in them") {
  edge server;
  auto client = connected(server);
  std::string bytes;
  for (int i = 0; i < 50; ++i)
    bytes += bytes_of({.opcode = 9, .payload = std::to_string(i)});
  client.send_raw(bytes);
  for (int next = 0; next < 50;) {
    const auto frame = client.read();
    REQUIRE(frame);
    CHECK_FALSE(frame->masked);
    if (frame->opcode != 10) continue;
    // Of several pings, the last one may be answered alone (RFC 6455, section 5.5.3).
    CHECK(std::stoi(frame->payload) >= next);
    next = std::stoi(frame->payload) + 1;
  }
}

TEST_CASE("a client without a sign of life is pinged, and then ended") {
  edge server([](config::settings& s) { s.feed.idle_s = 1; });
  auto client = connected(server);
  bool pinged = false;
  while (const auto frame = client.read())
    pinged |= frame->opcode == 9;
  CHECK(pinged);
  // One that answers stays.
  auto alive = connected(server);
  int pings = 0;
  while (pings < 4) {
    const auto frame = alive.read();
    REQUIRE(frame);
    if (frame->opcode != 9) continue;
    alive.send({.opcode = 10, .payload = frame->payload});
    ++pings;
  }
  alive.say(ping);
  CHECK(outcome_of(alive) == answered);
}

TEST_CASE("what is no request for this WebSocket is refused with what to do") {
  edge server([](config::settings& s) { s.http.allowed_origins = {"https://photos.example"}; });
  const auto bearer = "Bearer " + server.token("ann");
  const auto ask = [&](const edge::headers& headers, const std::string& method = "GET") {
    edge::headers all{{"Authorization", bearer}};
    all.insert(all.end(), headers.begin(), headers.end());
    std::string text = method + " /v1/events HTTP/1.1\r\nHost: test\r\n";
    for (const auto& [name, value] : all)
      text += name + ": " + value + "\r\n";
    wire connection(server.port());
    connection.send(text + "\r\n");
    return connection.read();
  };
  const edge::headers good{{"Connection", "Upgrade"},
                           {"Upgrade", "websocket"},
                           {"Sec-WebSocket-Version", "13"},
                           {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                           {"Sec-WebSocket-Protocol", "darkroom.v1"}};
  const auto with = [&](const std::string& name, const std::string& value) {
    auto headers = good;
    bool found = false;
    for (auto& h : headers)
      if (h.first == name) {
        h.second = value;
        found = true;
      }
    if (!found) headers.emplace_back(name, value);
    return headers;
  };
  CHECK(ask(good).status == 101);
  const auto plain = ask({});
  CHECK(plain.status == 426);
  CHECK(plain.code() == "upgrade_required");
  CHECK(plain.header("upgrade") == "websocket");
  CHECK(ask(with("Upgrade", "h2c")).status == 426);
  const auto old = ask(with("Sec-WebSocket-Version", "8"));
  CHECK(old.status == 426);
  CHECK(old.header("sec-websocket-version") == "13");
  CHECK(ask(with("Sec-WebSocket-Key", "short")).status == 400);
  CHECK(ask(with("Sec-WebSocket-Key", "")).status == 400);
  CHECK(ask(with("Sec-WebSocket-Protocol", "chat")).code() == "bad_request");
  CHECK(ask(good, "POST").status == 405);
  CHECK(ask(with("Origin", "http://test")).status == 101);
  CHECK(ask(with("Origin", "https://TEST")).status == 101); // behind a proxy that has TLS
  CHECK(ask(with("Origin", "https://photos.example")).status == 101);
  for (const auto* origin : {"http://evil.example", "http://test.evil.example", "http://test:81",
                             "null", "test", "https://photos.example.evil", "file://"}) {
    INFO(origin);
    const auto refused = ask(with("Origin", origin));
    CHECK(refused.status == 403);
    CHECK(refused.code() == "forbidden_origin");
  }
}
