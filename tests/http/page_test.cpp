#include "tests/http/edge.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

using namespace darkroom;
using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

std::set<std::string> addresses_in(const std::string& text) {
  std::set<std::string> all;
  for (auto at = text.find("\"/app/"); at != std::string::npos; at = text.find("\"/app/", at + 1))
    all.insert(text.substr(at + 1, text.find('"', at + 1) - at - 1));
  return all;
}

} // namespace

TEST_CASE("the page is served to everybody, and runs nothing from elsewhere") {
  edge server;
  const auto page = server.call("", "GET", "/");
  REQUIRE(page.status == 200);
  CHECK(page.header("content-type") == "text/html; charset=utf-8");
  CHECK(page.header("cache-control") == "no-cache");
  const std::string policy{page.header("content-security-policy")};
  CHECK(policy.find("default-src 'none'") == 0);
  CHECK(policy.find("unsafe") == std::string::npos);
  CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
  CHECK(page.body.find("<script>") == std::string::npos);
  CHECK(page.body.find("style=") == std::string::npos);
  const auto again =
      server.call("", "GET", "/", "", {{"If-None-Match", std::string{page.header("etag")}}});
  CHECK(again.status == 304);
}

TEST_CASE("files of the page have addresses that never change their content") {
  edge server;
  const auto addresses = addresses_in(server.call("", "GET", "/").body);
  REQUIRE(addresses.size() >= 4);
  for (const auto& address : addresses) {
    INFO(address);
    const auto file = server.call("", "GET", address);
    CHECK(file.status == 200);
    CHECK(file.header("cache-control") == "public, max-age=31536000, immutable");
    CHECK(file.header("x-content-type-options") == "nosniff");
    CHECK_FALSE(file.body.empty());
  }
  CHECK(server.call("", "GET", "/app/0000000000000000/app/main.js").status == 404);
  CHECK(server.call("", "GET", "/app/").status == 404);
  CHECK(server.call("", "POST", "/").status == 405);
}

TEST_CASE("who takes gzip gets the page compressed, who does not gets it as it is") {
  edge server;
  const struct {
    const char* accepted;
    bool gzip;
  } cases[] = {{"gzip", true},      {"br, gzip;q=0.5", true}, {"*", true},         {"GZIP", true},
               {"gzip;q=0", false}, {"gzip;q=0.000", false},  {"identity", false}, {"", false},
               {"gzippy", false},   {"br;q=1, *;q=0", false}};
  const auto plain = server.call("", "GET", "/", "", {{"Accept-Encoding", "identity"}});
  for (const auto& [accepted, gzip] : cases) {
    INFO(accepted);
    const auto page = server.call("", "GET", "/", "", {{"Accept-Encoding", accepted}});
    CHECK(page.header("vary") == "Accept-Encoding");
    CHECK((page.header("content-encoding") == "gzip") == gzip);
    CHECK((page.body == plain.body) == !gzip);
    CHECK((page.header("etag") == plain.header("etag")) == !gzip);
    if (gzip) CHECK(page.body.starts_with("\x1f\x8b"));
  }
}

TEST_CASE("the first view of the page is small") {
  edge server;
  const auto compressed = [&](const std::string& address) {
    return server.call("", "GET", address, "", {{"Accept-Encoding", "gzip"}}).body.size();
  };
  const auto page = server.call("", "GET", "/");
  std::size_t bytes = compressed("/");
  // What the first view loads: every module that main.js leads to, and the style.
  std::set<std::string> seen;
  std::vector<std::string> open;
  for (const auto& address : addresses_in(page.body))
    open.push_back(address);
  while (!open.empty()) {
    const auto address = open.back();
    open.pop_back();
    if (!seen.insert(address).second) continue;
    bytes += compressed(address);
    if (!address.ends_with(".js")) continue;
    const auto text = server.call("", "GET", address).body;
    for (const std::string word : {"from '", "from\"", "import '"})
      for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        const auto first = at + word.size();
        const auto name = text.substr(first, text.find(word.back(), first) - first);
        if (!name.starts_with('.')) continue;
        open.push_back((fs::path(address).parent_path() / name).lexically_normal().string());
      }
  }
  CHECK(seen.size() > 20);
  INFO(bytes);
  CHECK(bytes < 60'000);
}

TEST_CASE("a download's ticket opens one path, as often as it is resumed, and nothing else") {
  edge server;
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.png", picture("a")).status == 201);
  REQUIRE(server.call("ann", "POST", "/v1/batches/" + id + "/start").status == 202);
  server.await_state("ann", id, "completed");
  const auto path = "/v1/batches/" + id + "/results.zip";
  const auto ticket = [&](const std::string& of) {
    const auto made = server.call("ann", "POST", "/v1/tickets", R"({"download":")" + of + "\"}");
    REQUIRE(made.status == 201);
    CHECK(made.header("cache-control") == "no-store");
    return std::string{made.json().at("ticket").as_string()};
  };
  const auto one = ticket(path);
  const auto whole = server.call("", "GET", path + "?ticket=" + one);
  REQUIRE(whole.status == 200);
  const auto part = server.call("", "GET", path + "?ticket=" + one, "",
                                {{"Range", "bytes=10-"}, {"If-Range", whole.header("etag")}});
  CHECK(part.status == 206);
  CHECK(part.body == whole.body.substr(10));
  for (const auto& other : {"/v1/batches/" + id + "/report.csv", "/v1/batches/" + id,
                            "/v1/batches/" + id + "/files/0/input", std::string{"/v1/me"}}) {
    INFO(other);
    CHECK(server.call("", "GET", other + "?ticket=" + one).status == 401);
  }
  CHECK(server.call("", "DELETE", "/v1/batches/" + id + "?ticket=" + one).status == 401);
  for (const auto& more : {"/files/0/input", "/files/0/outputs/0", "/report.json"}) {
    const auto of = "/v1/batches/" + id + more;
    CHECK(server.call("", "GET", of + "?ticket=" + ticket(of)).status == 200);
  }
  // Another user gets none for it.
  const auto foreign = server.call("bob", "POST", "/v1/tickets", R"({"download":")" + path + "\"}");
  CHECK(foreign.code() == "not_owner");
  // A feed's ticket opens no download, and a download's no feed.
  const auto feed = server.call("ann", "POST", "/v1/tickets").json().at("ticket").as_string();
  CHECK(server.call("", "GET", path + "?ticket=" + std::string{feed}).status == 401);
  CHECK(server.call("", "GET", "/v1/batches/" + id + "/events?ticket=" + one).status == 401);
  // It ends with the token.
  const auto token = server.token("ann");
  const auto token_id = token.substr(3, token.find('_', 3) - 3);
  REQUIRE(server.call("admin", "DELETE", "/v1/admin/tokens/" + token_id).status == 204);
  CHECK(server.call("", "GET", path + "?ticket=" + one).status == 401);
}
