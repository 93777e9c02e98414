// Clients of the feed that keep what they were told.
#pragma once

#include "edge.hpp"
#include "tests/support/socket_client.hpp"

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace darkroom::tests {

namespace json = boost::json;

// One WebSocket.
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
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (true) {
      INFO("waiting for " << op);
      REQUIRE(std::chrono::steady_clock::now() < deadline); // pings keep the connection alive
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

} // namespace darkroom::tests
