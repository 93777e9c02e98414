// What an output would be, before it is made.
#include "edge.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

std::string at(const std::string& id, int index = 0) {
  return "/v1/batches/" + id + "/files/" + std::to_string(index) + "/preview";
}

// Sends a request and leaves its answer to be read.
void ask(wire& to, edge& server, const std::string& id, const std::string& body) {
  to.send("POST " + at(id) + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" +
          "Authorization: Bearer " + server.token("ann") +
          "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

} // namespace

TEST_CASE("a preview is the picture that the output would be") {
  edge server;
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  const auto whole = server.call("ann", "POST", at(id), R"({"output":{"format":"png"}})");
  REQUIRE(whole.status == 200);
  CHECK(whole.body == "png:" + picture("a"));
  CHECK(whole.header("content-type") == "image/png");
  CHECK(whole.header("content-security-policy") == "default-src 'none'; sandbox");
  CHECK(whole.header("darkroom-losses").empty());
  CHECK(whole.header("darkroom-output-size") == "8x8");
  CHECK(whole.header("darkroom-output-bytes") == std::to_string(whole.body.size()));
  CHECK(whole.header("darkroom-estimated-bytes").empty());
  // Nothing of it is kept, and the batch is as it was.
  CHECK(server.blobs_on_disk() == 1);
  CHECK(server.call("ann", "GET", "/v1/batches/" + id).json().at("state") == "draft");

  SECTION("smaller, its bytes are estimated") {
    const auto huge = picture("HUGE");
    REQUIRE(server.put("ann", id, "b.jpg", huge).status == 201);
    const auto small =
        server.call("ann", "POST", at(id, 1), R"({"output":{"format":"webp"},"width":2048})");
    REQUIRE(small.status == 200);
    CHECK(small.body == "webp:" + huge);
    CHECK(small.header("darkroom-output-size") == "8192x8192");
    CHECK(small.header("darkroom-estimated-bytes") == std::to_string(8 * small.body.size()));
    CHECK(small.header("darkroom-output-bytes").empty());
  }
  SECTION("a part is said to be one") {
    const auto part =
        server.call("ann", "POST", at(id),
                    R"({"output":{"format":"webp"},"crop":{"x":1,"y":2,"width":3,"height":4}})");
    REQUIRE(part.status == 200);
    CHECK(part.body == "webp:1,2:" + picture("a"));
    CHECK(part.header("darkroom-output-bytes").empty());
    CHECK(part.header("darkroom-estimated-bytes").empty());
  }
  SECTION("other members stand for those of the batch's spec, and losses are named") {
    const auto reply = server.call("ann", "POST", at(id),
                                   R"({"output":{"format":"webp"},"metadata":"strip_location"})");
    CHECK(reply.header("darkroom-losses") == "location_stripped");
  }
}

TEST_CASE("a preview that cannot be made says why") {
  edge server;
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  REQUIRE(server.put("ann", id, "b.jpg", picture("BROKEN")).status == 201);
  REQUIRE(server.put("ann", id, "c.jpg", picture("HUGE")).status == 201);
  struct row {
    const char* body;
    const char* pointer;
  };
  for (const auto& [body, pointer] : {
           row{"{}", "/output"},
           {R"({"output":"webp"})", "/output"},
           {R"({"output":{"format":"bmp"}})", "/output/format"},
           {R"({"output":{"format":"webp","quality":101}})", "/output/quality"},
           {R"({"output":{"format":"webp","qality":1}})", "/output/qality"},
           {R"({"output":{"format":"webp"},"width":0})", "/width"},
           {R"({"output":{"format":"webp"},"width":8193})", "/width"},
           {R"({"output":{"format":"webp"},"outputs":[]})", "/outputs"},
           {R"({"output":{"format":"webp"},"metadata":"some"})", "/metadata"},
           {R"({"output":{"format":"webp"},"crop":{"x":0}})", "/crop/width"},
           {R"({"output":{"format":"webp"},"crop":{"width":0,"height":1}})", "/crop/width"},
           {R"({"output":{"format":"webp"},"crop":{"width":1,"height":1,"z":1}})", "/crop/z"},
           {R"({"output":{"format":"webp"},"crop":{"x":8,"y":0,"width":1,"height":1}})", "/crop"},
           {R"({"output":{"format":"webp"},"width":100,"crop":{"width":1,"height":1}})", "/crop"},
       }) {
    INFO(body);
    const auto reply = server.call("ann", "POST", at(id), body);
    CHECK(reply.status == 422);
    const auto answer = reply.json();
    CHECK(answer.at("errors").as_array().at(0).at("pointer") == pointer);
  }
  const std::string webp = R"({"output":{"format":"webp"}})";
  const auto broken = server.call("ann", "POST", at(id, 1), webp);
  CHECK(broken.status == 422);
  CHECK(broken.code() == "preview_failed");
  CHECK(broken.body.find("broken") != std::string::npos);
  // More than is kept for previews: whole it waits for a slot, a part has none to wait for.
  CHECK(server.call("ann", "POST", at(id, 2), webp).status == 200);
  const auto part = server.call("ann", "POST", at(id, 2),
                                R"({"output":{"format":"webp"},"crop":{"width":9,"height":9}})");
  CHECK(part.code() == "preview_failed");
  CHECK(part.body.find("more memory than is kept for previews") != std::string::npos);

  CHECK(server.call("ann", "POST", at(id, 3), webp).status == 404);
  CHECK(server.call("ben", "POST", at(id), webp).code() == "not_owner");
  CHECK(server.call("", "POST", at(id), webp).status == 401);
}

TEST_CASE("a preview waits for no slot") {
  edge server({}, 1);
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  REQUIRE(server.put("ann", id, "b.jpg", picture("b")).status == 201);
  server.conversions.close();
  REQUIRE(server.call("ann", "POST", "/v1/batches/" + id + "/start").status == 202);
  REQUIRE(comes_true([&] { return server.conversions.waiting() == 1; }));
  CHECK(server.call("ann", "POST", at(id), R"({"output":{"format":"webp"}})").status == 200);
  CHECK(server.call("ann", "GET", "/v1/batches/" + id + "/files/1/thumbnail").status == 200);
  server.conversions.open();
  server.await_state("ann", id, "completed");
}

TEST_CASE("where no machine converts, pictures of the usual size are shown all the same") {
  edge server({}, 0);
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  REQUIRE(server.put("ann", id, "b.jpg", picture("HUGE")).status == 201);
  const std::string webp = R"({"output":{"format":"webp"}})";
  CHECK(server.call("ann", "POST", at(id), webp).status == 200);
  const auto huge = server.call("ann", "POST", at(id, 1), webp);
  CHECK(huge.status == 503);
  CHECK(huge.code() == "no_workers");
}

TEST_CASE("a newer preview of the same user takes the place of the older one") {
  edge server;
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  const auto body = [](const char* format) {
    return std::string{R"({"output":{"format":")"} + format + R"("}})";
  };
  server.previews.close();
  wire first(server.port()), second(server.port());
  ask(first, server, id, body("webp"));
  REQUIRE(comes_true([&] { return server.previews.waiting() == 1; }));
  // One that runs is ended.
  ask(second, server, id, body("png"));
  const auto ended = first.read();
  CHECK(ended.status == 409);
  CHECK(ended.code() == "preview_superseded");
  REQUIRE(comes_true([&] { return server.previews.waiting() == 1; }));
  // Another user's is not, and waits.
  const auto other = server.batch("ben");
  REQUIRE(server.put("ben", other, "a.jpg", picture("b")).status == 201);
  wire bens(server.port());
  const auto wish = body("jpeg");
  bens.send("POST " + at(other) + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" +
            "Authorization: Bearer " + server.token("ben") +
            "\r\nContent-Length: " + std::to_string(wish.size()) + "\r\n\r\n" + wish);
  server.previews.open();
  CHECK(second.read().body == "png:" + picture("a"));
  CHECK(bens.read().body == "jpeg:" + picture("b"));
}
