// The feed of a real server: clients that others wrote, `batch watch`, and readers that are cut off
// again and again while the server is killed under them.
#include "app/http_client.hpp"
#include "domain/text.hpp"
#include "served.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/socket_client.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <poll.h>
#include <random>
#include <sys/socket.h>

using namespace darkroom;
using namespace darkroom::tests;

namespace json = boost::json;

namespace {

std::string small_png() {
  return encoded("png", gradient(codecs::pixel_layout::rgb, 8, 8));
}

// A batch of so many files with one content, as a draft; returns its id.
std::string draft(app::http_client& client, const scratch& files, std::size_t count) {
  const auto made =
      client.send("POST", "/v1/batches", R"({"spec":{"outputs":[{"format":"png"}]}})");
  REQUIRE(made.status == 201);
  const std::string id{json::parse(made.body).at("id").as_string()};
  const auto bytes = small_png();
  const auto file = files.write("small.png", bytes);
  const auto put = client.put_file("/v1/batches/" + id + "/files/f0.png", file, bytes.size());
  REQUIRE((put.status == 200 || put.status == 201));
  const std::string sha{json::parse(put.body).at("sha256").as_string()};
  for (std::size_t at = 1; at < count;) {
    json::array rows;
    for (; at < count && rows.size() < 10'000; ++at)
      rows.push_back(
          {{"path", "f" + std::to_string(at) + ".png"}, {"size", bytes.size()}, {"sha256", sha}});
    const auto answer =
        client.send("POST", "/v1/batches/" + id + "/manifest", json::serialize(rows));
    REQUIRE(answer.status == 200);
  }
  return id;
}

// A server that can be killed and started again, and its admin's token.
struct mortal_server {
  scratch directory;
  std::unique_ptr<served> server;
  std::string token;

  mortal_server() {
    start();
    token = server->token();
  }
  void start() {
    server = std::make_unique<served>(directory.path(),
                                      std::vector<std::string>{"--set", "log.requests=false"});
  }
  void kill() {
    server->running().signal_group(SIGKILL);
    server->running().wait();
    server.reset();
    start();
  }
  app::server_account account() const { return {server->address(), token}; }
};

std::vector<json::value> log_of(app::http_client& client, const std::string& id) {
  std::vector<json::value> all;
  for (std::string after = "0"; !after.empty();) {
    const auto page = client.send("GET", "/v1/batches/" + id + "/events?limit=1000&after=" + after);
    REQUIRE(page.status == 200);
    const auto content = json::parse(page.body);
    for (const auto& e : content.at("events").as_array())
      all.push_back(e);
    const auto* next = content.as_object().if_contains("next_after");
    after = next == nullptr ? "" : std::to_string(next->to_number<std::uint64_t>());
  }
  return all;
}

std::uint64_t number(const json::value& e, const char* name) {
  return e.at(name).to_number<std::uint64_t>();
}

// What a reader knows: every event once, in order, each after the one that it names.
struct record {
  std::vector<json::value> events;
  std::uint64_t last() const { return events.empty() ? 0 : number(events.back(), "seq"); }
  bool ended() const {
    return !events.empty() && events.back().at("type").as_string() == "batch_finished";
  }
  void take(const json::value& e) {
    if (e.as_object().contains("volatile")) return;
    INFO(json::serialize(e));
    REQUIRE(number(e, "prev") == last());
    events.push_back(e);
  }
};

// Ends a connection as networks do: in order, or as if a cable was pulled.
void cut(int fd, bool hard) {
  const linger at_once{1, 0};
  if (hard) ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::shutdown(fd, SHUT_RDWR);
}

// Reads on a WebSocket until it has so many more events.
void read_socket(const mortal_server& m, const std::string& id, record& seen, std::size_t more,
                 bool hard) {
  socket_client socket(m.server->port(), "/v1/events", {{"Authorization", "Bearer " + m.token}});
  REQUIRE(socket.status() == 101);
  socket.say(R"({"op":"subscribe","id":1,"batch":")" + id + R"(","after":)" +
             std::to_string(seen.last()) + '}');
  const auto enough = seen.events.size() + more;
  while (seen.events.size() < enough && !seen.ended()) {
    const auto text = socket.read_text();
    REQUIRE(text);
    const auto message = json::parse(*text);
    REQUIRE(message.at("op").as_string() != "error");
    REQUIRE(message.at("op").as_string() != "snapshot");
    if (message.at("op").as_string() == "events")
      for (const auto& e : message.at("events").as_array())
        seen.take(e);
  }
  cut(socket.fd(), hard);
}

// The same as server-sent events.
void read_stream(const mortal_server& m, const std::string& id, record& seen, std::size_t more) {
  app::http_client client(m.account());
  const auto enough = seen.events.size() + more;
  std::string rest;
  app::http_client::headers headers{"Accept: text/event-stream"};
  if (seen.last() != 0) headers.push_back("Last-Event-ID: " + std::to_string(seen.last()));
  (void)client.get("/v1/batches/" + id + "/events", headers, [&](std::string_view piece) {
    rest += piece;
    for (std::size_t end = 0; (end = rest.find("\n\n")) != std::string::npos;) {
      const auto block = rest.substr(0, end);
      rest.erase(0, end + 2);
      const auto data = block.find("data: ");
      if (data != std::string::npos) seen.take(json::parse(block.substr(data + 6)));
      if (seen.events.size() >= enough || seen.ended()) return false; // cut in the middle
    }
    return true;
  });
}

// Reads to the end of a batch through so many cuts, of which so many are the server's death.
void read_through_cuts(bool as_stream, std::size_t files, std::size_t cuts, std::size_t kills,
                       unsigned seed) {
  INFO("seed " << seed);
  std::mt19937 dice(seed);
  mortal_server m;
  const scratch client;
  auto http = std::make_unique<app::http_client>(m.account());
  const auto id = draft(*http, client, files);
  REQUIRE(http->send("POST", "/v1/batches/" + id + "/start").status == 202);
  record seen;
  // So that the cuts are made before the events, about two a file, are through.
  const auto step = std::max<std::size_t>(1, 2 * files * 2 / 3 / cuts);
  std::size_t made = 0, killed = 0;
  while (!seen.ended()) {
    const auto more = made < cuts ? 1 + dice() % (2 * step) : ~std::size_t{0} / 2;
    if (as_stream)
      read_stream(m, id, seen, more);
    else
      read_socket(m, id, seen, more, dice() % 2 == 0);
    if (seen.ended()) break;
    made += 1;
    if (killed < kills && made * kills >= (killed + 1) * cuts) {
      killed += 1;
      m.kill();
    }
  }
  http = std::make_unique<app::http_client>(m.account());
  const auto log = log_of(*http, id);
  CHECK(seen.events == log);
  // Of more than a snapshot stands for, `batch watch --json` still has every one.
  const auto watched = run_darkroom(
      {"batch", "watch", id, "--json", "--server", m.server->address(), "--token", m.token},
      client.path());
  CHECK(watched.code == 0);
  const auto seen_later = run_darkroom(
      {"batch", "watch", id, "--server", m.server->address(), "--token", m.token}, client.path());
  CHECK(seen_later.err.find(", took ") != std::string::npos); // the batch, not the watching
  CHECK(static_cast<std::size_t>(std::ranges::count(watched.out, '\n')) == log.size());
  CHECK(made >= cuts);
  CHECK(killed == kills);
  std::printf("%s: %zu events of %zu files in %zu connections, %zu times the server was killed\n",
              as_stream ? "SSE" : "WebSocket", log.size(), files, made + 1, killed);
}

// Runs one of tests/clients on a batch that is being converted, and gives what it printed.
std::string client_output(const mortal_server& m, const std::string& id, const std::string& command,
                          const scratch& out) {
  const auto npm = std::string{DARKROOM_SOURCE_DIR} + "/build/npm/node_modules";
  const auto line = "NODE_PATH=" + npm + " timeout 120 " + command + ' ' + m.server->address() +
                    ' ' + m.token + ' ' + id + " > " + (out / "out") + " 2> " + (out / "err");
  const int code = std::system(line.c_str());
  INFO(content_of(out / "err"));
  REQUIRE(code == 0);
  return content_of(out / "out");
}

std::string script(const std::string& name) {
  return std::string{DARKROOM_SOURCE_DIR} + "/tests/clients/" + name;
}

bool has_npm(const std::string& package) {
  return std::filesystem::exists(std::string{DARKROOM_SOURCE_DIR} + "/build/npm/node_modules/" +
                                 package);
}

void follows(const std::string& command) {
  mortal_server m;
  const scratch files;
  app::http_client client(m.account());
  const auto id = draft(client, files, 300);
  REQUIRE(client.send("POST", "/v1/batches/" + id + "/start").status == 202);
  const auto printed = client_output(m, id, command, files);
  CHECK(printed == std::to_string(log_of(client, id).size()) + '\n');
}

} // namespace

TEST_CASE("Debian's websockets follows a batch to its end") {
  if (std::system("/usr/bin/python3 -c 'import websockets' 2>/dev/null") != 0)
    SKIP("python3-websockets is not installed");
  follows("/usr/bin/python3 " + script("follow.py"));
}

TEST_CASE("Node's ws follows a batch to its end") {
  if (!has("/usr/bin/node") || !has_npm("ws")) SKIP("node or ws is not installed");
  follows("/usr/bin/node " + script("follow.cjs"));
}

TEST_CASE("a browser's own WebSocket and EventSource follow a batch to its end") {
  if (!has("/usr/bin/node") || !has("/usr/bin/chromium") || !has_npm("playwright-core"))
    SKIP("node, chromium or playwright-core is not installed");
  mortal_server m;
  const scratch files;
  app::http_client client(m.account());
  const auto id = draft(client, files, 300);
  REQUIRE(client.send("POST", "/v1/batches/" + id + "/start").status == 202);
  const auto printed = client_output(m, id, "/usr/bin/node " + script("browser.cjs"), files);
  const auto count = std::to_string(log_of(client, id).size());
  CHECK(printed == count + '\n' + count + "\nhello darkroom.v1\nrefused 1006\n");
}

TEST_CASE("a reader that is cut again and again has every event once: WebSocket") {
  read_through_cuts(false, 1'000, 40, 4, 1);
}

TEST_CASE("a reader that is cut again and again has every event once: server-sent events") {
  read_through_cuts(true, 1'000, 40, 4, 2);
}

TEST_CASE("the same with 20,000 files and 500 cuts: WebSocket", "[.full]") {
  read_through_cuts(false, 20'000, 500, 50, 3);
}

TEST_CASE("the same with 20,000 files and 500 cuts: server-sent events", "[.full]") {
  read_through_cuts(true, 20'000, 500, 50, 4);
}

TEST_CASE("batch watch goes on through the server's death, and ends as the batch did") {
  mortal_server m;
  const scratch files;
  auto client = std::make_unique<app::http_client>(m.account());
  const auto id = draft(*client, files, 1'500);
  // The port has to stay: the address is all that a client has.
  const auto listen = m.server->address().substr(7);
  const std::vector<std::string> account{"--server", m.server->address(), "--token", m.token};
  const auto watch = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"batch", "watch", id};
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end(), account.begin(), account.end());
    return words;
  };
  const scratch as_json, silently, openly;
  process lines(watch({"--json"}), as_json.path());
  process quiet({"batch", "watch", id, "--quiet", "--server", m.server->address()}, silently.path(),
                {"DARKROOM_TOKEN=" + m.token});
  process shown(watch({}), openly.path());
  REQUIRE(client->send("POST", "/v1/batches/" + id + "/start").status == 202);
  REQUIRE(comes_true([&] { return lines.out().find("file_completed") != std::string::npos; }));
  m.server->running().signal_group(SIGKILL);
  m.server->running().wait();
  m.server =
      std::make_unique<served>(m.directory.path(), std::vector<std::string>{"--listen", listen});
  const auto told = lines.wait();
  INFO(told.err);
  CHECK(told.code == 0);
  record seen;
  for (std::size_t at = 0; at < told.out.size();) {
    const auto end = told.out.find('\n', at);
    seen.take(json::parse(std::string_view(told.out).substr(at, end - at)));
    at = end + 1;
  }
  client = std::make_unique<app::http_client>(m.account());
  CHECK(seen.events == log_of(*client, id));
  const auto silent = quiet.wait();
  CHECK(silent.code == 0);
  CHECK(silent.out + silent.err == "");
  const auto summary = shown.wait();
  CHECK(summary.code == 0);
  CHECK(summary.err.find("1500 files: 1500 converted, 0 failed") != std::string::npos);

  // What cannot be watched.
  auto words = watch({});
  words[2] = "0192aaaa-0000-7000-8000-000000000000";
  const auto unknown = run_darkroom(words, files.path());
  CHECK(unknown.code == 1);
  CHECK(unknown.err.find("not_found") != std::string::npos);
  words = watch({});
  words.back() = "dr_no";
  CHECK(run_darkroom(words, files.path()).err.find("unauthorized") != std::string::npos);
  CHECK(run_darkroom({"batch", "watch", id, "--after", "3"}, files.path()).code == 1);
}

TEST_CASE("batch watch says how a batch ended: deleted, failed, over TLS") {
  const scratch dir, files;
  const bool tls = has("openssl");
  std::vector<std::string> more;
  if (tls) {
    const auto make =
        "cd " + dir.path() +
        " && openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 "
        "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null";
    REQUIRE(std::system(make.c_str()) == 0);
    more = {"--set", "http.tls.certificate=" + (dir / "c.pem"), "--set",
            "http.tls.key=" + (dir / "k.pem")};
    ::setenv("SSL_CERT_FILE", (dir / "c.pem").c_str(), 1);
  }
  served server(dir.path(), more);
  files.write("in/good.png", small_png());
  files.write("in/cut.png",
              encoded("png", noise(codecs::pixel_layout::rgb, 64, 64)).substr(0, 400));
  const std::vector<std::string> account{"--server", server.address(), "--token", server.token()};
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.end(), account.begin(), account.end());
    return run_darkroom(words, files.path());
  };
  const auto made = run({"batch", "submit", "in", "--to", "webp", "--strict", "--quiet"});
  INFO(made.err);
  REQUIRE(made.code == 0);
  const auto id = made.out.substr(0, 36);
  const auto watched = run({"batch", "watch", id});
  INFO(watched.err);
  CHECK(watched.code == 2);
  CHECK(watched.err.find("2 files: 1 converted, 1 failed") != std::string::npos);
  ::unsetenv("SSL_CERT_FILE");
  if (tls) { // a certificate that nobody vouches for
    const auto strange = run({"batch", "watch", id});
    CHECK(strange.code == 1);
    CHECK(strange.err.find("certificate verify failed") != std::string::npos);
  }
}

TEST_CASE("the audit is read from a server, and from its folder") {
  const scratch dir, files;
  served server(dir.path());
  const std::vector<std::string> account{"--server", server.address(), "--token", server.token()};
  const auto run = [&](std::vector<std::string> words, bool remote = true) {
    if (remote) words.insert(words.end(), account.begin(), account.end());
    return run_darkroom(words, files.path());
  };
  REQUIRE(run({"token", "create", "--user", "ann"}).code == 0);
  const auto told = run({"audit"});
  CHECK(told.code == 0);
  CHECK(told.out.find("admin token.create (ok) 127.0.0.1") != std::string::npos);
  CHECK(run({"audit", "--user", "nobody"}).out.empty());
  const auto lines = run({"audit", "--action", "token.create", "--json"});
  CHECK(json::parse(lines.out.substr(0, lines.out.find('\n'))).at("user").as_string() == "admin");
  server.running().signal(SIGTERM);
  CHECK(server.running().wait().code == 0);
  CHECK(run({"audit", "--data", dir / "data", "--action", "token.create", "--json"}, false).out ==
        lines.out);
  CHECK(run({"audit", "--data", dir / "nowhere"}, false).code == 1);
}
