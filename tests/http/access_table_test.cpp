// Who may do what: every route of the server, for the owner of a batch, another user, an admin and
// a caller without a token. New routes are in the table without being named here.
#include "edge.hpp"

#include "http/router.hpp"
#include "tests/support/socket_client.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <variant>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

constexpr const char* unknown_batch = "0192f0c1-2d3e-7a4b-8c5d-6e7f80910203";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

bool takes_batch(const http::route& r) {
  return std::holds_alternative<http::batch_route>(r.handle);
}

// An address that this route answers.
std::string address_of(const http::route& r, const std::string& batch) {
  auto path = replaced(r.pattern, "{id}", batch);
  path = replaced(path, "{file...}", "a.jpg");
  path = replaced(path, "{file}", "0");
  path = replaced(path, "{n}", "0");
  path = replaced(path, "{name}", "nowhere");
  path = replaced(path, "{code}", "not_found");
  return replaced(path, "{path...}", "none.js");
}

// A batch of ann's with one file that has been converted.
std::string prepared(edge& server) {
  const auto id = server.batch("ann", R"(,"keep_open":true)");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  REQUIRE(server.call("ann", "POST", "/v1/batches/" + id + "/start").status == 202);
  REQUIRE(comes_true([&] {
    const auto now = server.call("ann", "GET", "/v1/batches/" + id).json();
    return now.at("files").at("completed").as_int64() == 1;
  }));
  return id;
}

// Reads no stream to its end.
reply ask(edge& server, const http::route& r, const std::string& as, const std::string& path) {
  edge::headers more;
  if (r.method == "POST" && r.pattern.ends_with("/files"))
    more.emplace_back("Content-Type", "multipart/form-data; boundary=B");
  std::string body;
  if (r.method == "PUT") body = picture("a");
  if (r.method == "POST" && r.pattern.ends_with("/files")) body = "--B--";
  if (r.method == "POST" && r.pattern.ends_with("/manifest")) body = "[]";
  if (r.method == "PATCH") body = R"({"name":"new"})";
  if (r.pattern.ends_with("/preview")) body = R"({"output":{"format":"webp"}})";
  return server.call(as, r.method, path, body, more);
}

} // namespace

TEST_CASE("every route, for its owner, another user, an admin, and without a token") {
  const bool hidden = GENERATE(false, true);
  CAPTURE(hidden);
  edge server([&](config::settings& s) {
    if (hidden) s.auth.foreign_batch = "hidden";
  });
  int of_batches = 0, of_admins = 0, open = 0;
  for (const auto& r : http::routes()) {
    const auto id = takes_batch(r) ? prepared(server) : std::string{unknown_batch};
    const auto path = address_of(r, id);
    INFO(r.method << ' ' << path);
    if (r.needs == http::access::open || r.needs == http::access::health) {
      ++open;
      for (const auto* who : {"", "ann", "admin"}) {
        const auto status = ask(server, r, who, path).status;
        CHECK(status != 401);
        CHECK(status != 403);
      }
      continue;
    }
    CHECK(ask(server, r, "", path).code() == "unauthorized");
    if (r.needs == http::access::admin) {
      ++of_admins;
      CHECK(ask(server, r, "ann", path).code() == "forbidden");
      CHECK(ask(server, r, "admin", path).status != 403);
      continue;
    }
    if (!takes_batch(r)) {
      CHECK(ask(server, r, "ann", path).status != 403);
      continue;
    }
    ++of_batches;
    const auto other = ask(server, r, "ben", path);
    CHECK(other.status == (hidden ? 404 : 403));
    CHECK(other.code() == (hidden ? "not_found" : "not_owner"));
    for (const auto* who : {"ann", "ben", "admin"}) {
      CAPTURE(who);
      CHECK(ask(server, r, who, address_of(r, unknown_batch)).status == 404);
      // A malformed address is refused first, whether or not the batch is the user's.
      CHECK(ask(server, r, who, address_of(r, "none")).code() == "invalid_id");
      CHECK(ask(server, r, who, path + "?no_such=1").code() == "invalid_parameter");
    }
    for (const auto* who : {"admin", "ann"}) { // the last may delete it
      CAPTURE(who);
      const auto status = ask(server, r, who, path).status;
      CHECK(status != 401);
      CHECK(status != 403);
      // Only what came before in this loop can have taken it away.
      CHECK((status != 404 || who == std::string{"ann"}));
    }
  }
  CHECK(of_batches >= 18);
  CHECK(of_admins >= 6);
  CHECK(open >= 5);
}

TEST_CASE("a deleted batch is unknown to everybody, also to who may not see it") {
  edge server;
  const auto id = server.batch("ann");
  REQUIRE(server.call("ann", "DELETE", "/v1/batches/" + id).status == 202);
  for (const auto* who : {"ann", "ben", "admin"})
    for (const auto* rest : {"", "/files", "/files/0", "/events", "/results.zip"}) {
      INFO(who << rest);
      CHECK(server.call(who, "GET", "/v1/batches/" + id + rest).status == 404);
    }
}

TEST_CASE("subscriptions and tickets refuse another user's batch as requests do") {
  const bool hidden = GENERATE(false, true);
  CAPTURE(hidden);
  edge server([&](config::settings& s) {
    if (hidden) s.auth.foreign_batch = "hidden";
  });
  const std::string refusal = hidden ? "not_found" : "not_owner";
  const auto id = server.batch("ann");
  const auto path = "/v1/batches/" + id;

  const auto stream =
      server.call("ben", "GET", path + "/events", {}, {{"Accept", "text/event-stream"}});
  CHECK(stream.code() == refusal);
  // With a ticket of a browser.
  const auto ticket = server.call("ben", "POST", "/v1/tickets").json();
  const auto with_ticket = server.call(
      "", "GET", path + "/events?ticket=" + std::string{ticket.at("ticket").as_string()});
  CHECK(with_ticket.code() == refusal);

  socket_client socket(server.port(), "/v1/events",
                       {{"Authorization", "Bearer " + server.token("ben")}});
  const auto code_of = [&](const std::string& batch) {
    socket.say(R"({"op":"subscribe","id":1,"batch":")" + batch + "\"}");
    while (true) {
      const auto text = socket.read_text();
      REQUIRE(text);
      const auto message = boost::json::parse(*text);
      if (message.at("op") == "error") return std::string{message.at("code").as_string()};
    }
  };
  CHECK(code_of("none") == "invalid_id");
  CHECK(code_of(unknown_batch) == "not_found");
  CHECK(code_of(id) == refusal);

  const auto download = [&](const std::string& who, const std::string& of) {
    return server.call(who, "POST", "/v1/tickets", R"({"download":")" + of + "\"}");
  };
  CHECK(download("ann", path + "/results.zip").status == 201);
  CHECK(download("admin", path + "/results.zip").status == 201);
  CHECK(download("ben", path + "/results.zip").code() == refusal);
  CHECK(download("ann", "/v1/batches/" + std::string{unknown_batch} + "/results.zip").code() ==
        "not_found");
  for (const auto* no_download :
       {"/v1/me", "/v1/batches", "no path", "/v1/batches/x/results.zip?a=b"}) {
    INFO(no_download);
    CHECK(download("ann", no_download).code() == "invalid_value");
  }
  CHECK(download("ann", "/v1/batches/none/results.zip").code() == "invalid_id");
}

TEST_CASE("an idempotency key is its user's own") {
  edge server;
  const edge::headers key{{"Idempotency-Key", "k"}};
  const std::string body = R"({"spec":{"outputs":[{"format":"webp"}]}})";
  const auto of_ann = server.call("ann", "POST", "/v1/batches", body, key);
  const auto of_ben = server.call("ben", "POST", "/v1/batches", body, key);
  CHECK(of_ben.status == 201);
  CHECK(of_ben.header("idempotent-replayed").empty());
  CHECK(of_ben.json().at("id") != of_ann.json().at("id"));
  CHECK(of_ben.json().at("owner") == "ben");
}

TEST_CASE("refusals take from the rate, and fill the audit only so far") {
  edge server([](config::settings& s) {
    s.audit.refusals_per_hour = 3;
    s.rate.user_per_s = 1;
    s.rate.user_burst = 20;
  });
  const auto id = server.batch("ann");
  int refused = 0, limited = 0;
  for (int i = 0; i < 60; ++i) {
    const auto code = server.call("ben", "GET", "/v1/batches/" + id).code();
    refused += code == "not_owner";
    limited += code == "rate_limited";
  }
  CHECK(refused >= 20);
  CHECK(limited >= 1);
  CHECK(refused + limited == 60);
  const auto entries = [&] {
    int count = 0;
    for (const auto& entry : server.audit())
      count += entry.user == "ben" && entry.outcome == "not_owner";
    return count;
  };
  CHECK(comes_true([&] { return entries() == 3; }));
  const auto left_out = server.services().refusals.left_out();
  CHECK(left_out == static_cast<std::uint64_t>(refused - 3));
  // Another user has an allowance of its own, and what an admin does is not a refusal.
  CHECK(server.call("cid", "GET", "/v1/batches/" + id).code() == "not_owner");
  CHECK(server.call("admin", "GET", "/v1/batches/" + id).status == 200);
  CHECK(comes_true([&] {
    int seen = 0;
    for (const auto& entry : server.audit())
      seen += (entry.user == "cid" && entry.outcome == "not_owner") ||
              (entry.user == "admin" && entry.action == "read");
    return seen == 2;
  }));
}
