// What hostile clients send. Each row: the bytes, the status, and whether the connection ends.
#include "edge.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

struct attack {
  const char* name;
  std::string bytes;
  int status;
  const char* code;
};

const std::string host = "Host: h\r\n";

std::vector<attack> framing_attacks() {
  const std::string post = "POST /v1/batches HTTP/1.1\r\n" + host;
  const std::string get = "GET /livez HTTP/1.1\r\n" + host;
  return {
      {"length and chunked",
       post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
       "bad_framing"},
      {"chunked and length",
       post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400,
       "bad_framing"},
      {"two lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400,
       "bad_framing"},
      {"two equal lengths", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400,
       "bad_framing"},
      {"a list of lengths", post + "Content-Length: 5, 5\r\n\r\nhello", 400, "bad_framing"},
      {"a signed length", post + "Content-Length: +5\r\n\r\nhello", 400, "bad_framing"},
      {"a negative length", post + "Content-Length: -5\r\n\r\nhello", 400, "bad_framing"},
      {"a huge length", post + "Content-Length: 99999999999999999999\r\n\r\n", 400, "bad_framing"},
      {"a hexadecimal length", post + "Content-Length: 0x5\r\n\r\nhello", 400, "bad_framing"},
      {"an unknown coding", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400,
       "bad_framing"},
      {"chunked twice", post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400,
       "bad_framing"},
      {"two codings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
       400, "bad_framing"},
      {"a coding that looks like chunked", post + "Transfer-Encoding: xchunked\r\n\r\n", 400,
       "bad_framing"},
      {"chunked in HTTP/1.0",
       "POST /v1/batches HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
       "bad_framing"},
      {"a blank before the colon", post + "Content-Length : 5\r\n\r\nhello", 400, "bad_request"},
      {"a header on two lines", get + "X-A: b\r\n c\r\n\r\n", 400, "bad_request"},
      {"a header without a name", get + ": b\r\n\r\n", 400, "bad_request"},
      {"a header without a colon", get + "X-A\r\n\r\n", 400, "bad_request"},
      {"a bare line feed", "GET /livez HTTP/1.1\nHost: h\n\n", 400, "bad_request"},
      {"a bare line feed among others", "GET /livez HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400,
       "bad_request"},
      {"a bare carriage return", "GET /livez HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400,
       "bad_request"},
      {"a NUL in a header", get + std::string("X-A: a\0b\r\n\r\n", 12), 400, "bad_request"},
      {"a control character in a header", get + "X-A: a\x01\r\n\r\n", 400, "bad_request"},
      {"no host", "GET /livez HTTP/1.1\r\n\r\n", 400, "bad_request"},
      {"two hosts", get + host + "\r\n", 400, "bad_request"},
      {"an absolute target of another scheme", "GET ftp://h/livez HTTP/1.1\r\n" + host + "\r\n",
       400, "bad_request"},
      {"no target", "GET  HTTP/1.1\r\n" + host + "\r\n", 400, "bad_request"},
      {"a target with bytes beyond ASCII", "GET /liv\xc3\xa9 HTTP/1.1\r\n" + host + "\r\n", 400,
       "bad_request"},
      {"a fragment", "GET /livez#a HTTP/1.1\r\n" + host + "\r\n", 400, "bad_request"},
      {"a broken escape", "GET /livez%zz HTTP/1.1\r\n" + host + "\r\n", 400, "bad_request"},
      {"a body on GET", "GET /livez HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello", 400,
       "bad_request"},
      {"a chunked body on DELETE",
       "DELETE /livez HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
       "bad_request"},
      {"HTTP/2.0", "GET /livez HTTP/2.0\r\n" + host + "\r\n", 505, "unknown_version"},
      {"HTTP/9", "GET /livez HTTP/9\r\n" + host + "\r\n", 505, "unknown_version"},
      {"no version", "GET /livez\r\n" + host + "\r\n", 400, "bad_request"},
      {"TLS where there is none",
       std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), 400, "bad_request"},
      {"a long target", "GET /" + std::string(5'000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414,
       "uri_too_long"},
      {"a target without an end", "GET /" + std::string(20'000, 'a'), 414, "uri_too_long"},
      {"headers without an end", get + "X-A: " + std::string(20'000, 'a'), 431,
       "headers_too_large"},
      {"too many headers",
       [&] {
         std::string many = get;
         for (int i = 0; i < 70; ++i)
           many += "X-" + std::to_string(i) + ": y\r\n";
         return many + "\r\n";
       }(),
       431, "headers_too_large"},
      {"an expectation that is none", post + "Content-Length: 5\r\nExpect: tea\r\n\r\n", 417,
       "expectation_failed"},
  };
}

} // namespace

TEST_CASE("what could be read in two ways is refused and ends the connection") {
  edge server;
  // What would be a second request to somebody who reads the first one differently.
  const std::string canary = "GET /v1/formats HTTP/1.1\r\n" + host + "X-Request-Id: canary\r\n\r\n";
  for (const auto& a : framing_attacks()) {
    INFO(a.name);
    for (const bool pipelined : {false, true}) {
      wire connection(server.port());
      connection.send(a.bytes + (pipelined ? canary : ""));
      const auto r = connection.read();
      CHECK(r.status == a.status);
      CHECK(r.code() == a.code);
      CHECK(r.header("connection") == "close");
      CHECK(connection.closes()); // and the canary is not answered
    }
  }
  CHECK(server.call("", "GET", "/livez").status == 200);
}

TEST_CASE("chunks that are not well formed end the connection") {
  edge server;
  const std::string head =
      "POST /v1/batches HTTP/1.1\r\n" + host + "Authorization: Bearer " + server.token("ann") +
      "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::pair<const char*, std::string> bodies[] = {
      {"no number", "zz\r\nhello\r\n0\r\n\r\n"},
      {"a sign", "+5\r\nhello\r\n0\r\n\r\n"},
      {"a number that overflows", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"},
      {"data longer than told", "3\r\nhello\r\n0\r\n\r\n"},
      {"a huge extension", "5;" + std::string(300, 'a') + "\r\nhello\r\n0\r\n\r\n"},
      {"an extension without an end", "5;" + std::string(80'000, 'a')},
      {"a trailer without an end", "0\r\nX: " + std::string(80'000, 'a')},
  };
  for (const auto& [name, body] : bodies) {
    INFO(name);
    wire connection(server.port());
    connection.send(head + body);
    const auto r = connection.read();
    CHECK(r.status == 400);
    CHECK(connection.closes());
  }
  CHECK(server.call("", "GET", "/livez").status == 200);
}

TEST_CASE("trailers change nothing that was decided before them") {
  edge server;
  wire connection(server.port());
  const std::string body = R"({"spec":{"outputs":[{"format":"webp"}]}})";
  char size[16];
  std::snprintf(size, sizeof size, "%zx", body.size());
  connection.send("POST /v1/batches HTTP/1.1\r\n" + host +
                  "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + size +
                  "\r\n" + body + "\r\n0\r\nAuthorization: Bearer " + server.token("admin") +
                  "\r\n\r\n");
  CHECK(connection.read().status == 401);
}

TEST_CASE("requests in one piece are answered in order, on one connection") {
  edge server;
  wire connection(server.port());
  std::string many;
  for (int i = 0; i < 50; ++i)
    many += "GET /problems/not_found HTTP/1.1\r\n" + host + "X-Request-Id: r" + std::to_string(i) +
            "\r\n\r\n";
  connection.send(many);
  for (int i = 0; i < 50; ++i) {
    const auto r = connection.read();
    CHECK(r.status == 200);
    CHECK(r.header("x-request-id") == "r" + std::to_string(i));
  }
}

TEST_CASE("HTTP/1.0 is answered and closed, unless it asks to stay") {
  edge server;
  {
    wire connection(server.port());
    connection.send("GET /livez HTTP/1.0\r\n\r\n");
    CHECK(connection.read().status == 200);
    CHECK(connection.closes());
  }
  wire connection(server.port());
  for (int i = 0; i < 2; ++i) {
    connection.send("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(connection.read().status == 200);
  }
}

TEST_CASE("paths that lead elsewhere are refused in every place for a name") {
  edge server;
  const auto id = server.batch("ann");
  const std::pair<const char*, const char*> in_url[] = {
      {"..%2f..%2fetc%2fpasswd", "an encoded slash"},
      {"%2e%2e/a.jpg", "an encoded parent"},
      {"a/../b.jpg", "a parent"},
      {"a//b.jpg", "an empty part"},
      {"a/./b.jpg", "a dot"},
      {"a%00.jpg", "a NUL"},
      {"a%0a.jpg", "a line feed"},
      {"a%c0%af.jpg", "an overlong slash"},
      {"a%ed%a0%80.jpg", "a surrogate"},
      {"a%ff.jpg", "no UTF-8"},
      {"e%cc%81.jpg", "a letter that is not composed"},
      {"a%5cb.jpg", "a backslash"},
      {"%e2%80%ae.gpj", "a mark that turns the direction"},
      {"a/", "a slash at the end"},
  };
  for (const auto& [path, name] : in_url) {
    INFO(name);
    const auto r = server.put("ann", id, path, picture(path));
    CHECK((r.status == 400 || r.status == 404 || r.status == 405));
  }
  const auto long_part = server.put("ann", id, std::string(256, 'a'), picture("x"));
  CHECK(long_part.code() == "invalid_path");
  std::string deep;
  for (int i = 0; i < 600; ++i)
    deep += "a/";
  CHECK(server.put("ann", id, deep + "a", picture("x")).code() == "invalid_path");

  for (const auto* path : {"../a", "/a", "a/../b", "", "a\\u0000b", "a\\u0001", "e\\u0301"}) {
    INFO(path);
    const auto r = server.call("ann", "POST", "/v1/batches/" + id + "/manifest",
                               R"([{"path":")" + std::string{path} + R"(","size":1,"sha256":")" +
                                   std::string(64, '0') + R"("}])");
    CHECK(r.status == 422);
  }
  const std::string form = "--b\r\nContent-Disposition: form-data; name=\"f\"; "
                           "filename=\"../../x.jpg\"\r\n\r\n" +
                           picture("x") + "\r\n--b--\r\n";
  const auto r = server.call("ann", "POST", "/v1/batches/" + id + "/files", form,
                             {{"Content-Type", "multipart/form-data; boundary=b"}});
  CHECK(r.status == 201);
  CHECK(r.json().at("files").as_array().empty());
  CHECK(r.json().at("rejected").at(0).at("code").as_string() == "invalid_path");
  CHECK(server.blobs_on_disk() == 0);
}

TEST_CASE("bodies that are no good JSON are refused with the place") {
  edge server;
  const std::string deep(40, '[');
  const struct {
    const char* name;
    std::string body;
    int status;
    const char* code;
  } rows[] = {
      {"nothing", "{", 400, "invalid_json"},
      {"more after it", "{} {}", 400, "invalid_json"},
      {"nested too deep", deep + std::string(40, ']'), 400, "invalid_json"},
      {"a member twice", R"({"name":"a","name":"b"})", 400, "invalid_json"},
      {"a comment", R"({"name":"a"/*x*/})", 400, "invalid_json"},
      {"no UTF-8", "{\"name\":\"\xff\"}", 400, "invalid_json"},
      {"a list", "[]", 422, "invalid_value"},
      {"no spec", "{}", 422, "invalid_value"},
      {"an unknown member", R"({"spec":{"outputs":[{"format":"webp"}]},"nam":"a"})", 422,
       "unknown_field"},
      {"an unknown member deep inside", R"({"spec":{"outputs":[{"format":"webp","qality":1}]}})",
       422, "unknown_field"},
      {"expiry, which is not there yet",
       R"({"spec":{"outputs":[{"format":"webp"}]},"expires_in_s":1})", 422, "unknown_field"},
      {"a number that is too large", R"({"spec":{"outputs":[{"format":"webp"}]},"priority":10})",
       422, "invalid_value"},
      {"a huge number", R"({"spec":{"outputs":[{"format":"webp"}]},"priority":1e400})", 422,
       "invalid_value"},
      {"a number beyond 64 bits",
       R"({"spec":{"outputs":[{"format":"webp"}]},"priority":99999999999999999999})", 422,
       "invalid_value"},
      {"a fraction", R"({"spec":{"outputs":[{"format":"webp"}]},"priority":1.5})", 422,
       "invalid_value"},
      {"a negative number", R"({"spec":{"outputs":[{"format":"webp"}]},"priority":-1})", 422,
       "invalid_value"},
      {"an unknown format", R"({"spec":{"outputs":[{"format":"bmp"}]}})", 422, "invalid_value"},
      {"no outputs", R"({"spec":{"outputs":[]}})", 422, "invalid_value"},
      {"a suffix with a slash", R"({"spec":{"outputs":[{"format":"webp","suffix":"/../x"}]}})", 422,
       "invalid_value"},
      {"an unknown loss",
       R"({"spec":{"outputs":[{"format":"webp"}],"on_loss":{"everything":"fail"}}})", 422,
       "unknown_field"},
      {"a name with a NUL", R"({"spec":{"outputs":[{"format":"webp"}]},"name":"a\u0000b"})", 422,
       "invalid_value"},
  };
  for (const auto& row : rows) {
    INFO(row.name);
    const auto r = server.call("ann", "POST", "/v1/batches", row.body);
    INFO(r.body);
    CHECK(r.status == row.status);
    CHECK(r.code() == row.code);
  }
  CHECK(server.call("ann", "POST", "/v1/batches", "{}", {{"Content-Type", "text/plain"}}).status ==
        415);
  CHECK(server.call("ann", "POST", "/v1/batches", std::string(1'100'000, ' ')).status == 413);
  const auto two = server.call("ann", "POST", "/v1/batches",
                               R"({"spec":{"outputs":[{"format":"webp","quality":101}]},"x":1})");
  REQUIRE(two.json().at("errors").as_array().size() == 2);
  CHECK(two.json().at("errors").at(0).at("pointer").as_string() == "/spec/outputs/0/quality");
  CHECK(two.json().at("errors").at(1).at("pointer").as_string() == "/x");
}

TEST_CASE("a slow head and a slow body are given up") {
  // The limits are those of the product: this waits as long as they are.
  edge server;
  wire head(server.port()), body(server.port());
  head.send("GET /livez HTTP/1.1\r\nHo");
  body.send("POST /v1/batches HTTP/1.1\r\n" + host + "Authorization: Bearer " +
            server.token("ann") +
            "\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
  const auto slow_head = head.read();
  CHECK(slow_head.status == 408);
  CHECK(slow_head.code() == "request_timeout");
  CHECK(head.closes());
  CHECK(body.read().status == 408);
  CHECK(body.closes());
}

TEST_CASE("connections over a limit are told so, the others go on") {
  edge server([](config::settings& s) { s.http.connections_max = 20; });
  std::vector<std::unique_ptr<wire>> open;
  for (int i = 0; i < 20; ++i) {
    open.push_back(std::make_unique<wire>(server.port()));
    open.back()->send("GET /livez HTTP/1.1\r\n" + host + "\r\n");
    CHECK(open.back()->read().status == 200);
  }
  for (int i = 0; i < 2'000; ++i) {
    wire extra(server.port());
    if (i % 100 != 0) continue;
    const auto r = extra.read();
    CHECK(r.status == 503);
    CHECK(r.code() == "overloaded");
    CHECK(extra.closes());
  }
  for (const auto& one : open) {
    one->send("GET /livez HTTP/1.1\r\n" + host + "\r\n");
    CHECK(one->read().status == 200);
  }
}

TEST_CASE("faults tell nothing of the inside") {
  edge server;
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  const auto gone = server.call("ann", "GET", "/v1/batches/" + id + "/files/0/thumbnail");
  CHECK(gone.body.find("/tmp") == std::string::npos);
  for (const auto* path :
       {"/v1/nothing", "/problems/x", "/v1/batches/1", "/v1/batches/x/files/0"}) {
    const auto r = server.call("ann", "GET", path);
    CHECK((r.status == 404 || r.status == 400));
    CHECK(r.json().at("request_id").as_string() == r.header("x-request-id"));
    CHECK(r.header("x-content-type-options") == "nosniff");
  }
  const auto wrong = server.call("ann", "DELETE", "/v1/batches");
  CHECK(wrong.status == 405);
  CHECK(wrong.header("allow") == "POST, GET, HEAD");
}
