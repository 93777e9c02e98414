// Batches over HTTP: life, lists, conditions, and who may do what.
#include "actors/draft_expiry.hpp"
#include "actors/orchestra.hpp"
#include "base/clock.hpp"
#include "edge.hpp"
#include "persistence/read_view.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <functional>
#include <future>
#include <memory>
#include <set>
#include <variant>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

std::string state_of(const reply& r) {
  return std::string{r.json().at("state").as_string()};
}

std::string at(const std::string& id, const std::string& rest = "") {
  return "/v1/batches/" + id + rest;
}

} // namespace

TEST_CASE("a batch from its making to its results") {
  edge server;
  const auto id = server.batch("ann");
  CHECK(server.put("ann", id, "a/b.jpg", picture("b")).status == 201);
  CHECK(server.put("ann", id, "c.jpg", picture("c")).status == 201);
  const auto started = server.call("ann", "POST", at(id, "/start"));
  CHECK(started.status == 202);
  CHECK(started.json().at("started_at").as_string() >= started.json().at("created_at").as_string());
  CHECK(started.json().at("changed_at") == started.json().at("started_at"));
  server.await_state("ann", id, "completed");
  const auto done = server.call("ann", "GET", at(id)).json();
  CHECK(done.at("files").at("total").as_int64() == 2);
  CHECK(done.at("files").at("completed").as_int64() == 2);
  CHECK(done.at("percent").as_int64() == 100);
  const auto output = server.call("ann", "GET", at(id, "/files/0/outputs/0"));
  CHECK(output.status == 200);
  CHECK(output.body == "webp:" + picture("b"));
  CHECK(output.header("content-type") == "image/webp");
  CHECK(output.header("content-disposition") ==
        "attachment; filename=\"b.webp\"; filename*=UTF-8''b.webp");
  CHECK(output.header("content-security-policy") == "default-src 'none'; sandbox");
  const auto input = server.call("ann", "GET", at(id, "/files/1/input"));
  CHECK(input.body == picture("c"));
  CHECK(server.call("ann", "GET", at(id, "/files/0/outputs/1")).status == 404);
  CHECK(server.call("ann", "GET", at(id, "/files/9/outputs/0")).status == 404);
}

TEST_CASE("commands in the wrong state say where the batch is and what is allowed") {
  edge server;
  const auto id = server.batch("ann");
  const auto paused = server.call("ann", "POST", at(id, "/pause"));
  CHECK(paused.status == 409);
  CHECK(paused.code() == "wrong_state");
  CHECK(paused.json().at("state").as_string() == "draft");
  bool start_allowed = false;
  const auto allowed = paused.json();
  for (const auto& word : allowed.at("allowed").as_array())
    start_allowed |= word.as_string() == "start";
  CHECK(start_allowed);
  CHECK(server.call("ann", "POST", at(id, "/start")).code() == "no_files");
  CHECK(server.call("ann", "POST", at(id, "/seal")).code() == "no_files");
  CHECK(server.call("ann", "POST", at(id, "/retry")).status == 409);
}

TEST_CASE("pause, resume, cancel and retry under way") {
  edge server;
  server.conversions.close();
  const auto id = server.batch("ann");
  for (const auto* path : {"a.jpg", "b.jpg", "c.jpg"})
    REQUIRE(server.put("ann", id, path, picture(path)).status == 201);
  REQUIRE(server.call("ann", "POST", at(id, "/start")).status == 202);
  CHECK(server.call("ann", "POST", at(id, "/start")).status == 200);
  const auto paused = server.call("ann", "POST", at(id, "/pause"), R"({"mode":"interrupt"})");
  CHECK(paused.status == 200);
  CHECK(state_of(paused) == "paused");
  CHECK(server.call("ann", "POST", at(id, "/pause")).status == 200);
  CHECK(server.call("ann", "POST", at(id, "/pause"), R"({"mode":"x"})").status == 422);
  CHECK(state_of(server.call("ann", "POST", at(id, "/resume"))) == "running");
  const auto cancelled = server.call("ann", "POST", at(id, "/cancel"), R"({"reason":"enough"})");
  CHECK(state_of(cancelled) == "cancelled");
  CHECK(server.call("ann", "POST", at(id, "/cancel")).status == 200);
  CHECK(cancelled.json().at("files").at("cancelled").as_int64() == 3);
  server.conversions.open();
  CHECK(server.call("ann", "POST", at(id, "/retry"), R"({"scope":"files","files":[7]})").status ==
        409);
  CHECK(server.call("ann", "POST", at(id, "/retry"), R"({"scope":"files"})").status == 422);
  CHECK(server.call("ann", "POST", at(id, "/retry"), R"({"scope":"cancelled"})").status == 202);
  server.await_state("ann", id, "completed");
  CHECK(server.call("ann", "POST", at(id, "/retry")).status == 409);
}

TEST_CASE("failed files are retried by reason, also after a restart") {
  edge server;
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "good.jpg", picture("x")).status == 201);
  REQUIRE(server.put("ann", id, "bad.jpg", picture("BROKEN")).status == 201);
  REQUIRE(server.call("ann", "POST", at(id, "/start")).status == 202);
  server.await_state("ann", id, "completed_with_errors");
  const auto failed =
      server.call("ann", "GET", at(id, "/files?state=failed&reason=corrupt_input")).json();
  REQUIRE(failed.at("files").as_array().size() == 1);
  CHECK(failed.at("files").at(0).at("path").as_string() == "bad.jpg");
  server.restart(); // an ended batch is read from the journal when somebody wants it
  CHECK(state_of(server.call("ann", "GET", at(id))) == "completed_with_errors");
  CHECK(server.call("ann", "POST", at(id, "/retry"), R"({"reasons":["io_error"]})").code() ==
        "invalid_files");
  CHECK(server.call("ann", "POST", at(id, "/retry"), R"({"reasons":["corrupt_input"]})").status ==
        202);
  server.await_state("ann", id, "completed_with_errors");
  const auto file = server.call("ann", "GET", at(id, "/files/1")).json();
  CHECK(file.at("reason").as_string() == "corrupt_input");
  CHECK(server.call("ann", "POST", at(id, "/retry"), R"({"scope":"files","files":[0]})").status ==
        409); // has completed
}

TEST_CASE("failed and cancelled files are retried by the folder that they are in") {
  edge server({}, 1);
  const auto id = server.batch("ann");
  for (const auto* path : {"a/1.jpg", "a/2.jpg", "b/1.jpg", "ab.jpg"})
    REQUIRE(server.put("ann", id, path, picture("BROKEN " + std::string{path})).status == 201);
  REQUIRE(server.put("ann", id, "a/good.jpg", picture("x")).status == 201);
  REQUIRE(server.call("ann", "POST", at(id, "/start")).status == 202);
  server.await_state("ann", id, "completed_with_errors");
  const auto retry = [&](const std::string& body) {
    return server.call("ann", "POST", at(id, "/retry"), body);
  };
  const auto bad = [](const reply& r) { return r.json().at("errors").at(0).at("pointer"); };
  CHECK(bad(retry(R"({"scope":"files","files":[0],"path_prefix":"a/"})")) == "/path_prefix");
  CHECK(bad(retry(R"({"path_prefix":7})")) == "/path_prefix");
  CHECK(retry(R"({"path_prefix":"c/"})").code() == "invalid_files");
  CHECK(retry(R"({"path_prefix":"a/","reasons":["io_error"]})").code() == "invalid_files");
  CHECK(retry(R"({"path_prefix":"a/","scope":"cancelled"})").code() == "invalid_files");

  server.conversions.close(); // so that what is queued can be seen
  const auto queued = retry(R"({"path_prefix":"a/"})");
  CHECK(queued.status == 202);
  CHECK(queued.json().at("files").at("failed") == 2);
  CHECK(queued.json().at("files").at("completed") == 1);
  const auto left = server.call("ann", "GET", at(id, "/files?state=failed")).json();
  CHECK(left.at("files").at(0).at("path") == "b/1.jpg");
  CHECK(left.at("files").at(1).at("path") == "ab.jpg");
  // What was cancelled, too.
  REQUIRE(server.call("ann", "POST", at(id, "/cancel")).status == 200);
  server.conversions.open();
  CHECK(comes_true(
      [&] { return retry(R"({"path_prefix":"a/2","scope":"cancelled"})").status == 202; }));
  server.await_state("ann", id, "completed_with_errors");
  CHECK(server.call("ann", "GET", at(id)).json().at("files").at("cancelled") == 1);
}

TEST_CASE("a draft that got a file after it was read is not deleted for what was read") {
  edge server;
  const auto id = server.batch("ann");
  auto& actors = server.services().gateway.actors();
  const auto read = actors.view()->summary(*domain::parse_batch_id(id)).value().value();
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  const auto remove = [&](domain::seq known) {
    actors::batch_request request;
    request.batch = read.id;
    request.command = domain::delete_batch{true};
    request.if_unchanged = known;
    const auto answer = std::make_shared<std::promise<actors::command_outcome>>();
    actors.ask(std::move(request), [answer](actors::command_outcome outcome) {
      answer->set_value(std::move(outcome));
    });
    return answer->get_future().get();
  };
  CHECK(std::holds_alternative<actors::stale>(remove(read.seq)));
  CHECK(server.call("ann", "GET", at(id)).json().at("files").at("total") == 1);
  const auto now = actors.view()->summary(read.id).value().value();
  CHECK(std::holds_alternative<actors::accepted>(remove(now.seq)));
  CHECK(server.call("ann", "GET", at(id)).status == 404);
}

TEST_CASE("a draft in which nothing happens any more is deleted, and nothing else is") {
  edge server;
  const auto empty = server.batch("ann");
  const auto draft = server.batch("ann");
  REQUIRE(server.put("ann", draft, "a.jpg", picture("a")).status == 201);
  const auto started = server.batch("ben");
  REQUIRE(server.put("ben", started, "a.jpg", picture("b")).status == 201);
  REQUIRE(server.call("ben", "POST", at(started, "/start")).status == 202);
  server.await_state("ben", started, "completed");
  auto& actors = server.services().gateway.actors();
  constexpr std::int64_t hour_us = 3'600'000'000;
  const auto now = base::unix_now_us();
  CHECK(actors::delete_expired_drafts(actors, 24, now + 23 * hour_us) == 0);
  CHECK(actors::delete_expired_drafts(actors, 24, now + 25 * hour_us) == 2);
  CHECK(actors::delete_expired_drafts(actors, 24, now + 25 * hour_us) == 0);
  CHECK(server.call("ann", "GET", at(empty)).status == 404);
  CHECK(server.call("ann", "GET", at(draft)).status == 404);
  CHECK(server.call("ben", "GET", at(started)).status == 200);
  CHECK(comes_true([&] { return server.blobs_on_disk() == 2; })); // of the other: source and output
  int told = 0;
  for (const auto& entry : server.audit())
    if (entry.action == "batch.expire" && entry.owner == "ann" && entry.user.empty()) ++told;
  CHECK(told == 2);
}

TEST_CASE("a batch that is kept open takes files until it is sealed") {
  edge server;
  const auto id = server.batch("ann", R"(,"start":"on_first_file")");
  CHECK(state_of(server.call("ann", "GET", at(id))) == "draft");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  CHECK(state_of(server.call("ann", "GET", at(id))) == "running");
  REQUIRE(server.put("ann", id, "b.jpg", picture("b")).status == 201);
  server.restart(); // and the names are still known
  CHECK(server.put("ann", id, "a.jpg", picture("other")).code() == "name_collision");
  CHECK(server.put("ann", id, "a.jpg", picture("a")).status == 200);
  CHECK(server.put("ann", id, "c.jpg", picture("c")).status == 201);
  CHECK(server.call("ann", "POST", at(id, "/seal")).status == 200);
  CHECK(server.call("ann", "POST", at(id, "/seal")).status == 200);
  CHECK(server.put("ann", id, "d.jpg", picture("d")).code() == "batch_sealed");
  server.await_state("ann", id, "completed");
  CHECK(server.call("ann", "GET", at(id)).json().at("files").at("total").as_int64() == 3);
}

TEST_CASE("the same request with the same key makes one batch") {
  edge server;
  const std::string body = R"({"spec":{"outputs":[{"format":"webp"}]},"name":"a"})";
  const edge::headers key{{"Idempotency-Key", "k1"}};
  const auto first = server.call("ann", "POST", "/v1/batches", body, key);
  REQUIRE(first.status == 201);
  const auto again = server.call("ann", "POST", "/v1/batches", body, key);
  CHECK(again.status == 201);
  CHECK(again.header("idempotent-replayed") == "true");
  CHECK(again.header("location") == first.header("location"));
  server.restart();
  CHECK(server.call("ann", "POST", "/v1/batches", body, key).header("location") ==
        first.header("location"));
  CHECK(server.call("ann", "POST", "/v1/batches", body + " ", key).code() ==
        "idempotency_key_reused");
  CHECK(server.call("ben", "POST", "/v1/batches", body, key).header("location") !=
        first.header("location"));
  CHECK(server.call("ann", "GET", "/v1/batches").json().at("batches").as_array().size() == 1);
}

TEST_CASE("conditions: what has not changed, and what has changed meanwhile") {
  edge server;
  const auto id = server.batch("ann");
  const auto tag = server.call("ann", "GET", at(id)).header("etag");
  CHECK(server.call("ann", "GET", at(id), {}, {{"If-None-Match", tag}}).status == 304);
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  const auto now = server.call("ann", "GET", at(id), {}, {{"If-None-Match", tag}});
  CHECK(now.status == 200);
  CHECK(now.header("etag") != tag);
  // A file came meanwhile, but no command: the change is still good.
  const auto changed =
      server.call("ann", "PATCH", at(id), R"({"priority":3})", {{"If-Match", tag}});
  CHECK(changed.status == 200);
  CHECK(server.call("ann", "PATCH", at(id), R"({"priority":4})", {{"If-Match", tag}}).status ==
        412);
  CHECK(server.call("ann", "POST", at(id, "/start"), {}, {{"If-Match", tag}}).status == 412);
  CHECK(
      server
          .call("ann", "PATCH", at(id), R"({"priority":4})", {{"If-Match", changed.header("etag")}})
          .status == 200);
  CHECK(server.call("ann", "PATCH", at(id), "{}").status == 422);
}

TEST_CASE("a spec changes while nothing runs, and unfinished files get new names") {
  edge server;
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  REQUIRE(server.put("ann", id, "a.png", picture("other")).status == 201);
  const auto before = server.call("ann", "GET", at(id, "/files/1")).json();
  CHECK(before.at("planned_outputs").at(0).as_string() == "a-2.webp");
  const auto changed = server.call(
      "ann", "PATCH", at(id),
      R"({"name":"new","tags":["x"],"priority":2,"spec":{"outputs":[{"format":"jpeg"},{"format":"png","suffix":"-big"}]}})");
  INFO(changed.body);
  REQUIRE(changed.status == 200);
  CHECK(changed.json().at("name").as_string() == "new");
  const auto after = server.call("ann", "GET", at(id, "/files/1")).json();
  CHECK(after.at("planned_outputs").at(0).as_string() == "a-2.jpg");
  CHECK(after.at("planned_outputs").at(1).as_string() == "a-big-2.png");
  REQUIRE(server.put("ann", id, "a.webp", picture("third")).status == 201);
  CHECK(server.call("ann", "GET", at(id, "/files/2"))
            .json()
            .at("planned_outputs")
            .at(0)
            .as_string() == "a-3.jpg");
  server.call("ann", "POST", at(id, "/start"));
  server.await_state("ann", id, "completed");
  CHECK(server.call("ann", "GET", at(id, "/files/0/outputs/1")).body == "png:" + picture("a"));
  // Nothing of it, if one part is not possible.
  const auto refused = server.call("ann", "PATCH", at(id),
                                   R"({"name":"no","spec":{"outputs":[{"format":"webp"}]}})");
  CHECK(refused.status == 409);
  CHECK(server.call("ann", "GET", at(id)).json().at("name").as_string() == "new");
  const auto clash = server.batch("ann");
  REQUIRE(server.put("ann", clash, "a.jpg", picture("a")).status == 201);
  REQUIRE(server.put("ann", clash, "a.png", picture("b")).status == 201);
  CHECK(server
            .call("ann", "PATCH", at(clash),
                  R"({"spec":{"outputs":[{"format":"jpeg"}],"collision":"fail"}})")
            .code() == "invalid_spec");
}

TEST_CASE("what a format cannot do is refused where it is asked for") {
  edge server;
  const auto refusal = [&](const std::string& output) {
    const auto answer =
        server.call("ann", "POST", "/v1/batches", R"({"spec":{"outputs":[)" + output + "]}}");
    if (answer.status != 422) return std::string{};
    const auto error = answer.json().at("errors").at(0);
    return std::string{error.at("pointer").as_string()} + ' ' +
           std::string{error.at("detail").as_string()};
  };
  CHECK(refusal(R"({"format":"jpeg","lossless":true})") ==
        "/spec/outputs/0/lossless is not possible in JPEG; use png or webp");
  CHECK(refusal(R"({"format":"webp"},{"format":"gif"})") ==
        "/spec/outputs/1/format is none of the formats in /v1/formats");
  CHECK(refusal(R"({"format":"jpg"})") ==
        "/spec/outputs/0/format is none of the formats in /v1/formats"); // for command lines only
  CHECK(refusal(R"({"format":"webp","lossless":true})").empty());
}

namespace {

// The ids of ann's batches that the query finds, page after page.
std::vector<std::string>
listed(edge& server, const std::string& query, const std::function<void()>& after_page = [] {}) {
  std::vector<std::string> seen;
  for (std::string path = "/v1/batches?" + query; !path.empty();) {
    const auto page = server.call("ann", "GET", path);
    REQUIRE(page.status == 200);
    const auto value = page.json();
    for (const auto& batch : value.at("batches").as_array())
      seen.emplace_back(batch.at("id").as_string());
    const auto link = page.header("link");
    path = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    after_page();
  }
  return seen;
}

} // namespace

TEST_CASE("a list goes on where it was, whatever is added meanwhile") {
  edge server;
  std::vector<std::string> made;
  for (int i = 0; i < 7; ++i)
    made.push_back(server.batch("ann", i % 2 == 0 ? R"(,"tags":["even"])" : ""));
  const auto seen = listed(server, "limit=3", [&] {
    server.batch("ann"); // newer: not in this list any more
  });
  CHECK(seen == std::vector(made.rbegin(), made.rend()));
  CHECK(server.call("ann", "GET", "/v1/batches?tag=even").json().at("batches").as_array().size() ==
        4);
  CHECK(server.call("ann", "GET", "/v1/batches?state=running")
            .json()
            .at("batches")
            .as_array()
            .empty());
  CHECK(server.call("ann", "GET", "/v1/batches?state=runing").status == 400);
  CHECK(server.call("ann", "GET", "/v1/batches?cursor=x").code() == "invalid_cursor");
  CHECK(server.call("ann", "GET", "/v1/batches?limit=0").code() == "invalid_parameter");
  CHECK(server.call("ann", "GET", "/v1/batches?limit=99999").status == 400);
}

TEST_CASE("batches of a state are listed page by page, the newest first") {
  edge server;
  std::vector<std::string> drafts;
  for (int i = 0; i < 5; ++i) {
    drafts.push_back(server.batch("ann"));
    server.batch("bob");
    const auto ended = server.batch("ann");
    server.put("ann", ended, "a.jpg", picture("a"));
    server.call("ann", "POST", at(ended, "/start"));
    server.await_state("ann", ended, "completed");
  }
  const auto seen = listed(server, "state=draft&limit=2");
  CHECK(seen == std::vector(drafts.rbegin(), drafts.rend()));
  const auto count = [&](const std::string& user, const std::string& query) {
    return server.call(user, "GET", "/v1/batches?" + query).json().at("batches").as_array().size();
  };
  CHECK(count("ann", "state=completed") == 5);
  CHECK(count("admin", "state=draft") == 10);
  CHECK(count("admin", "state=draft&owner=bob") == 5);
}

TEST_CASE("nobody sees what belongs to somebody else; admins do, and the audit tells") {
  const bool hidden = GENERATE(false, true);
  CAPTURE(hidden);
  const int foreign = hidden ? 404 : 403;
  const std::string refusal = hidden ? "not_found" : "not_owner";
  edge server([&](config::settings& s) {
    if (hidden) s.auth.foreign_batch = "hidden";
  });
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  const std::string unknown = "0192f0c1-2d3e-7a4b-8c5d-6e7f80910203";
  const std::tuple<const char*, std::string, std::string> requests[] = {
      {"GET", "", ""},
      {"PATCH", "", R"({"priority":1})"},
      {"DELETE", "", ""},
      {"POST", "/start", ""},
      {"POST", "/pause", ""},
      {"POST", "/resume", ""},
      {"POST", "/cancel", ""},
      {"POST", "/seal", ""},
      {"POST", "/retry", ""},
      {"GET", "/files", ""},
      {"GET", "/files/0", ""},
      {"GET", "/files/0/input", ""},
      {"GET", "/files/0/outputs/0", ""},
      {"GET", "/files/0/thumbnail", ""},
      {"DELETE", "/files/a.jpg", ""},
      {"POST", "/manifest", "[]"},
      {"GET", "/report.json", ""},
      {"GET", "/report.csv", ""},
      {"GET", "/results.zip", ""},
  };
  for (const auto& [method, rest, body] : requests) {
    INFO(method << ' ' << rest);
    CHECK(server.call("", method, at(id, rest), body).status == 401);
    const auto others = server.call("ben", method, at(id, rest), body);
    const auto nobodys = server.call("ben", method, at(unknown, rest), body);
    CHECK(others.status == foreign);
    CHECK(others.code() == refusal);
    CHECK(nobodys.status == 404);
  }
  CHECK(server.put("ben", id, "x.jpg", picture("x")).status == foreign);
  CHECK(server.call("ben", "GET", "/v1/batches").json().at("batches").as_array().empty());
  CHECK(server.call("ben", "GET", "/v1/batches?owner=ann").status == 403);
  CHECK(server.call("ben", "GET", "/v1/admin/users").status == 403);
  CHECK(server.call("ben", "GET", "/metrics").status == 403);
  CHECK(server.call("", "GET", "/metrics").status == 401);
  CHECK(server.call("admin", "GET", at(id)).status == 200);
  CHECK(
      server.call("admin", "GET", "/v1/batches?owner=ann").json().at("batches").as_array().size() ==
      1);
  CHECK(server.call("admin", "POST", at(id, "/start")).status == 202);

  std::map<std::string, int> seen; // by user, action and outcome
  for (const auto& entry : server.audit())
    seen[entry.user + ' ' + entry.action + ' ' + entry.outcome] += 1;
  CHECK(seen["ann batch.create ok"] == 1);
  CHECK(seen["ann file.add ok"] == 1);
  CHECK(seen["ben batch.cancel " + refusal] == 1); // what nobody has is not kept
  CHECK(seen["ben read " + refusal] >= 9);
  CHECK(seen["ben read forbidden"] >= 1);
  CHECK(seen["admin read ok"] == 2);
  CHECK(seen["admin batch.start ok"] == 1);
  CHECK(seen["ann read ok"] == 0);
}

TEST_CASE("a deleted batch is gone, with everything that only it had") {
  edge server;
  server.conversions.close();
  const auto id = server.batch("ann");
  const auto other = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("only here")).status == 201);
  REQUIRE(server.put("ann", id, "b.jpg", picture("in both")).status == 201);
  REQUIRE(server.put("ann", other, "b.jpg", picture("in both")).status == 201);
  REQUIRE(server.call("ann", "POST", at(id, "/start")).status == 202);
  CHECK(server.call("ann", "DELETE", at(id)).status == 409);
  CHECK(server.call("ann", "DELETE", at(id, "?cancel=true")).status == 202);
  server.conversions.open();
  CHECK(server.call("ann", "GET", at(id)).status == 404);
  CHECK(server.call("ann", "POST", at(id, "/start")).status == 404);
  CHECK(server.call("ann", "GET", at(id, "/files/0/input")).status == 404);
  CHECK(server.call("ann", "GET", "/v1/batches").json().at("batches").as_array().size() == 1);
  // It is cleared away in the background: only what the other batch has stays.
  CHECK(comes_true([&] { return server.blobs_on_disk() == 1; }));
  CHECK(server.call("ann", "GET", at(other, "/files/0/input")).body == picture("in both"));
  server.restart();
  CHECK(server.call("ann", "GET", at(id)).status == 404);
  CHECK(server.call("ann", "GET", at(other, "/files/0/input")).body == picture("in both"));
}

TEST_CASE("a wait ends when the batch changes") {
  edge server;
  const auto id = server.batch("ann");
  const auto tag = server.call("ann", "GET", at(id)).header("etag");
  wire waiting(server.port());
  waiting.send("GET " + at(id) + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " +
               server.token("ann") + "\r\nPrefer: wait=60\r\nIf-None-Match: " + tag + "\r\n\r\n");
  CHECK(server.call("ann", "PATCH", at(id), R"({"name":"n"})").status == 200);
  const auto r = waiting.read();
  CHECK(r.status == 200);
  CHECK(r.json().at("name").as_string() == "n");
  CHECK(server
            .call("ann", "GET", at(id), {},
                  {{"Prefer", "wait=1"}, {"If-None-Match", r.header("etag")}})
            .status == 304);
}

TEST_CASE("tokens: made by admins, shown once, revoked and expired") {
  edge server;
  const auto made = server.call("admin", "POST", "/v1/admin/tokens",
                                R"({"user":"cat","role":"user","expires_in_s":3600,"note":"n"})");
  REQUIRE(made.status == 201);
  const auto text = std::string{made.json().at("token").as_string()};
  const auto id = std::string{made.json().at("id").as_string()};
  const auto with = [&](const std::string& token) {
    return server.call("", "GET", "/v1/me", {}, {{"Authorization", "Bearer " + token}}).status;
  };
  CHECK(with(text) == 200);
  server.restart();
  CHECK(with(text) == 200);
  auto wrong = text;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  CHECK(with(wrong) == 401);
  CHECK(with(text + "0") == 401);
  CHECK(with("dr_") == 401);
  const auto list = server.call("admin", "GET", "/v1/admin/tokens");
  CHECK(list.body.find(id) != std::string::npos);
  CHECK(list.body.find(text.substr(20)) == std::string::npos);
  CHECK(server.call("ann", "POST", "/v1/admin/tokens", R"({"user":"x"})").status == 403);
  CHECK(server.call("admin", "POST", "/v1/admin/tokens", R"({"user":"a b"})").status == 422);
  CHECK(server.call("admin", "DELETE", "/v1/admin/tokens/" + id).status == 204);
  CHECK(with(text) == 401);
  server.restart();
  CHECK(with(text) == 401);
  CHECK(server.call("admin", "DELETE", "/v1/admin/tokens/nothing").status == 404);
  auto expired = http::make_token("dan", persistence::role::user, 1, 2, "");
  server.services().identities.put(expired.record);
  CHECK(with(expired.text) == 401);
}

TEST_CASE("a proxy's header counts only from the proxy") {
  const auto trust = [](const char* network) {
    return [network](config::settings& s) {
      s.auth.proxy_header = "X-User";
      s.auth.trusted_proxies = {network};
      s.auth.admins = {"root"};
    };
  };
  {
    edge server(trust("127.0.0.0/8"));
    const auto as = [&](const char* user) {
      return server.call("", "GET", "/v1/me", {}, {{"X-User", user}});
    };
    CHECK(as("eve").json().at("user").as_string() == "eve");
    CHECK(as("eve").json().at("role").as_string() == "user");
    CHECK(as("root").json().at("role").as_string() == "admin");
    CHECK(as("a b").status == 401);
    CHECK(server.call("", "GET", "/v1/me", {}, {{"X-User", "root"}, {"x-user", "eve"}}).status ==
          401);
    CHECK(server.call("", "GET", "/v1/me").status == 401);
  }
  edge server(trust("10.0.0.0/8"));
  CHECK(server.call("", "GET", "/v1/me", {}, {{"X-User", "root"}}).status == 401);
}

TEST_CASE("rates and quotas are told, and kept") {
  edge server([](config::settings& s) {
    s.rate.user_per_s = 1;
    s.rate.user_burst = 12;
    s.quota.live_batches = 2;
    s.quota.queued_files = 3;
    s.quota.stored_bytes = 1'000;
  });
  const auto id = server.batch("ann");
  server.batch("ann");
  const auto third =
      server.call("ann", "POST", "/v1/batches", R"({"spec":{"outputs":[{"format":"webp"}]}})");
  CHECK(third.status == 429);
  CHECK(third.code() == "quota_exceeded");
  CHECK(third.header("ratelimit-policy") == "\"user\";q=12;w=12");
  CHECK(server.put("ann", id, "big.jpg", picture(std::string(2'000, 'x'))).status == 507);
  for (const auto* path : {"a.jpg", "b.jpg", "c.jpg"})
    CHECK(server.put("ann", id, path, picture(path)).status == 201);
  CHECK(server.put("ann", id, "d.jpg", picture("d")).code() == "quota_exceeded");
  const auto usage = server.call("ann", "GET", "/v1/me/usage").json();
  CHECK(usage.at("queued_files").as_int64() == 3);
  CHECK(usage.at("live_batches").as_int64() == 2);
  reply last;
  for (int i = 0; i < 20 && last.status != 429; ++i)
    last = server.call("ann", "GET", "/v1/me");
  CHECK(last.status == 429);
  CHECK(last.code() == "rate_limited");
  CHECK(last.header("retry-after") == "1");
  CHECK(server.call("ben", "GET", "/v1/me").status == 200);
}

TEST_CASE("a flood from an address does not stop the health checks that come from it") {
  edge server([](config::settings& s) {
    s.rate.ip_per_s = 1;
    s.rate.ip_burst = 5;
  });
  const auto is_limited = [&] {
    reply last;
    for (int i = 0; i < 50 && last.status != 429; ++i)
      last = server.call("", "GET", "/v1/formats");
    return last.status == 429;
  };
  REQUIRE(is_limited());
  for (int i = 0; i < 20; ++i)
    for (const auto* path : {"/livez", "/readyz", "/readyz?verbose"})
      CHECK(server.call("", "GET", path).status == 200);
  CHECK(is_limited()); // the others are as before
}

TEST_CASE("a list is searched by a part of the name, a tag or the id, and by dates") {
  edge server;
  const auto norway = server.batch("ann", R"(,"name":"Norway 2026","tags":["Fjörd"])");
  const auto scans = server.batch("ann", R"(,"name":"Scans, box 4")");
  server.batch("bob", R"(,"name":"Norway of Bob")");
  const auto found = [&](const std::string& query) {
    const auto page = server.call("ann", "GET", "/v1/batches?" + query);
    REQUIRE(page.status == 200);
    const auto value = page.json();
    std::set<std::string> ids;
    for (const auto& batch : value.at("batches").as_array())
      ids.emplace(batch.at("id").as_string());
    return ids;
  };
  using ids = std::set<std::string>;
  CHECK(found("q=norway") == ids{norway});
  CHECK(found("q=NORWAY%202") == ids{norway});
  CHECK(found("q=FJ%C3%96RD") == ids{norway});
  CHECK(found("q=fjo%CC%88r") == ids{norway}); // the same letter, decomposed
  CHECK(found("q=" + scans) == ids{scans});
  CHECK(found("q=box&state=draft") == ids{scans});
  CHECK(found("q=box&state=running") == ids{});
  CHECK(found("q=sweden") == ids{});
  CHECK(found("q=") == ids{norway, scans});
  CHECK(found("created_after=2020-01-01") == ids{norway, scans});
  CHECK(found("created_before=2020-01-01T00:00:00Z") == ids{});
  CHECK(found("created_after=2020-01-01&created_before=2120-01-01") == ids{norway, scans});
  const auto view = server.call("ann", "GET", "/v1/batches/" + norway).json();
  const std::string made{view.at("created_at").as_string()};
  CHECK(found("created_after=" + made).contains(norway));        // inclusive
  CHECK_FALSE(found("created_before=" + made).contains(norway)); // exclusive
  for (const auto* wrong : {"created_after=yesterday", "created_before=2026-13-01"})
    CHECK(server.call("ann", "GET", std::string{"/v1/batches?"} + wrong).code() ==
          "invalid_parameter");
}
