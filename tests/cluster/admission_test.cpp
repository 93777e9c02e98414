// Who is let in, and what the others are told.
#include "actors/cluster/certificates.hpp"
#include "actors/cluster/link_client.hpp"
#include "config/version.hpp"
#include "site.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

bool says(site& s, const std::string& worker, const std::string& text) {
  const bool said = comes_true([&] { return s.log_of(worker).find(text) != std::string::npos; });
  UNSCOPED_INFO(s.log_of(worker));
  return said;
}

// What a worker with this certificate and greeting is told; empty: it was let in.
std::string refusal_of(const std::string& identity,
                       const std::function<void(actors::link_hello&)>& change,
                       const std::string& host = "127.0.0.1") {
  actors::link_client_options options{host, "7411", identity, {}};
  auto& hello = options.hello;
  hello.version = version;
  hello.machine = "m";
  hello.actor_node = "n";
  hello.slots = 1;
  change(hello);
  const auto link = actors::link_client::connect(options, [] {});
  return link ? "" : link.error().code + ": " + link.error().text;
}

darkroom::base::unique_fd stranger() {
  darkroom::base::unique_fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(7411);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  return socket;
}

void say(const darkroom::base::unique_fd& socket, std::string_view text) {
  ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

} // namespace

TEST_CASE("files of an authority are for its owner, and each step says what to do") {
  const scratch folder;
  const auto dir = folder / "c";
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--dir", dir});
    return run_darkroom(words, folder.path());
  };
  CHECK(run({"cluster", "issue", "a"}).err.find("darkroom cluster init") != std::string::npos);
  REQUIRE(run({"cluster", "init", "--host", "server.example", "--host", "10.0.0.1"}).code == 0);
  CHECK(run({"cluster", "init", "--host", "x"}).err.find("already") != std::string::npos);
  REQUIRE(run({"cluster", "issue", "a"}).code == 0);
  REQUIRE(run({"cluster", "issue", "b", "--days", "0"}).code == 0);
  // The authority outlives what it signs.
  const auto years = [&](const char* file, int many) {
    const auto command = "openssl x509 -noout -in " + dir + "/" + file + " -checkend " +
                         std::to_string(many * 365 * 86'400) + " >/dev/null";
    return std::system(command.c_str()) == 0;
  };
  CHECK((years("ca.crt", 9) && years("a.pem", 2) && !years("a.pem", 3)));
  for (const auto* bad : {"local", "server", "-x", "a/b", "", "a b"})
    CHECK(run({"cluster", "issue", bad}).code != 0);
  for (const auto* file : {"ca.key", "ca.crt", "server.pem", "a.pem", "nodes"}) {
    struct stat about{};
    REQUIRE(::stat((dir + "/" + file).c_str(), &about) == 0);
    CHECK((about.st_mode & 0777) == 0600);
  }
  REQUIRE(run({"cluster", "revoke", "a"}).code == 0);
  CHECK(run({"cluster", "revoke", "nobody"}).err.find("no certificate was issued") !=
        std::string::npos);
  const auto list = run({"cluster", "ls"}).out;
  CHECK(list.find("a                        revoked") != std::string::npos);
  CHECK(list.find("b                        expired") != std::string::npos);
  CHECK(list.find("the server               good") != std::string::npos);
  CHECK(list.find("the authority            good") != std::string::npos);
  const auto checked =
      run_darkroom({"worker", "--join", "nowhere", "--identity", dir + "/a.pem"}, folder.path());
  CHECK(checked.err.find("HOST:PORT") != std::string::npos);
  CHECK(run_darkroom({"worker", "--join", "a:1", "--identity", "absent.pem"}, folder.path())
            .err.find("absent.pem: No such file or directory; `darkroom cluster issue NAME`") !=
        std::string::npos);
  CHECK(run_darkroom({"worker", "--join", "a:1", "--identity", dir + "/a.pem", "--memory", "1MiB"},
                     folder.path())
            .err.find("--memory is at least") != std::string::npos);
}

TEST_CASE("certificates that are not good are told apart, with what to do") {
  site s;
  const auto good = s.issue("good");
  const auto expired = s.issue("expired", {"--days", "0"});
  const scratch other;
  REQUIRE(actors::make_cluster(other / "c", {"127.0.0.1"}, 10));
  REQUIRE(actors::issue_certificate(other / "c", "stranger", other / "stranger.pem", 10));
  const auto none = [](actors::link_hello&) {};
  CHECK(refusal_of(expired, none).find("has expired; issue a new one") != std::string::npos);
  CHECK(refusal_of(other / "stranger.pem", none).find("not of this worker's cluster") !=
        std::string::npos);
  CHECK(refusal_of(good, none, "127.0.0.2").find("is not for 127.0.0.2 but for 127.0.0.1") !=
        std::string::npos);
  // The server's own certificate does not make a worker.
  CHECK_FALSE(refusal_of(s.authority() + "/server.pem", none).empty());
  CHECK(refusal_of(s.server().folder / "absent.pem", none).starts_with("bad_identity"));
  // Signed by the authority, and yet not on its list.
  const auto forgotten = s.issue("forgotten");
  const auto listed = content_of(s.authority() + "/nodes");
  std::ofstream(s.authority() + "/nodes")
      << listed.substr(0, listed.rfind(' ', listed.find("forgotten") - 2) + 1);
  CHECK(refusal_of(forgotten, none).starts_with("not_allowed"));
  std::ofstream(s.authority() + "/nodes") << listed;
  REQUIRE(s.run({"cluster", "revoke", "good", "--dir", "AUTHORITY"}).code == 0);
  CHECK(refusal_of(good, none).find("not_allowed: the certificate of good was revoked") !=
        std::string::npos);
}

TEST_CASE("a worker that does not fit is refused with what to upgrade") {
  site s;
  const auto good = s.issue("good");
  const auto refused = [&](const std::function<void(actors::link_hello&)>& change) {
    return refusal_of(good, change);
  };
  CHECK(refused([](auto& h) {
          h.protocol = 99;
        }).starts_with("protocol_mismatch: this worker is Darkroom 0.1.0, the server 0.1.0"));
  CHECK(refused([](auto& h) {
          h.version = "9.9";
        }).starts_with("version_mismatch: this worker is Darkroom 9.9, the server 0.1.0; install"));
  CHECK(refused([](auto& h) { h.formats = "jpeg by guess"; }).starts_with("formats_mismatch"));
  CHECK(refused([](auto& h) { h.slots = 0; }).starts_with("bad_greeting: slots are from 1 to"));
  // A second machine with the same certificate.
  s.start_worker("good");
  REQUIRE(s.comes_to("good", "active"));
  const auto formats = run_darkroom({"worker", "--formats"}, s.folder().path()).out;
  CHECK(refused([&](auto& h) {
          h.formats = formats.substr(0, formats.find('\n'));
        }).starts_with("name_taken: another worker with the certificate of good is joined"));
}

TEST_CASE("a certificate that is revoked ends its worker's link") {
  site s;
  s.start_worker("a");
  REQUIRE(s.comes_to("a", "active"));
  REQUIRE(s.run({"cluster", "revoke", "a", "--dir", "AUTHORITY"}).code == 0);
  CHECK(s.comes_to("a", "lost"));
  CHECK(says(s, "a", "the certificate of a was revoked; issue a new one"));
  s.issue("a"); // the same name, another certificate
  s.start_worker("a");
  CHECK(s.comes_to("a", "active"));
}

TEST_CASE("a new certificate of the same name does not keep the old one's link") {
  site s;
  s.start_worker("a");
  REQUIRE(s.comes_to("a", "active"));
  REQUIRE(s.run({"cluster", "revoke", "a", "--dir", "AUTHORITY"}).code == 0);
  REQUIRE(s.run({"cluster", "issue", "a", "--dir", "AUTHORITY", "--out", s.folder() / "new.pem"})
              .code == 0);
  CHECK(s.comes_to("a", "lost"));
  CHECK(says(s, "a", "the certificate of a was revoked; issue a new one"));
}

TEST_CASE("strangers cost nothing, and nobody else notices them") {
  site s;
  s.start_worker("a");
  REQUIRE(s.comes_to("a", "active"));
  // Silent ones, and some that speak something else; they stay while work is done.
  std::vector<darkroom::base::unique_fd> strangers;
  for (int i = 0; i < 400; ++i) {
    strangers.push_back(stranger());
    if (i % 4 == 1) say(strangers.back(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    if (i % 4 == 2) say(strangers.back(), {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9});
  }
  const auto batch = s.submit(pictures(20));
  CHECK(s.completes(batch, 120));
  CHECK(app::number_of(s.node("a"), "times_lost") == 0);
  // All of them are sent away by themselves.
  CHECK(comes_true([&] {
    const auto metrics = s.server().client().send("GET", "/metrics").body;
    const auto at = metrics.find("\ndarkroom_links_refused_total ");
    return at != std::string::npos && std::stoi(metrics.substr(at + 30)) >= 400;
  }));
  s.start_worker("b");
  CHECK(s.comes_to("b", "active"));
}

TEST_CASE("a worker that can keep no input does not join, and says why") {
  site s;
  const auto run = s.run({"worker", "--join", "127.0.0.1:7411", "--identity", s.issue("w1"),
                          "--tmp", s.folder() / "nowhere"});
  CHECK(run.code == 1);
  CHECK(run.err.find("--tmp " + (s.folder() / "nowhere") + ": No such file or directory") !=
        std::string::npos);
  // One whose folder goes later does not join again.
  const auto folder = s.folder() / "tmp";
  std::filesystem::create_directories(folder);
  s.start_worker("w2", 0, {"--slots", "1", "--tmp", folder});
  REQUIRE(s.comes_to("w2", "active"));
  std::filesystem::remove(folder);
  const auto session = s.session_of("w2");
  REQUIRE(session > 0);
  ::kill(session, SIGKILL);
  CHECK(says(s, "w2", "not joining until that works"));
  std::filesystem::create_directories(folder);
  CHECK(s.comes_to("w2", "active"));
}

TEST_CASE("without a machine that converts, the server shows thumbnails itself") {
  site s;
  const auto batch = s.submit(pictures(1));
  auto http = s.server().client();
  CHECK(http.send("GET", "/v1/batches/" + batch + "/files/0/thumbnail").status == 200);
}

TEST_CASE(
    "without a machine that converts, and without memory for previews, a thumbnail is refused "
    "at once") {
  site s(false, {"--set", "work.memory_bytes=134217728"}); // the least that there may be
  const auto batch = s.submit(pictures(1));
  auto http = s.server().client();
  const auto reply = http.send("GET", "/v1/batches/" + batch + "/files/0/thumbnail");
  CHECK(reply.status == 503);
  CHECK(reply.body.find("no_workers") != std::string::npos);
  s.start_worker("w1");
  REQUIRE(s.comes_to("w1", "active"));
  CHECK(comes_true([&] {
    return http.send("GET", "/v1/batches/" + batch + "/files/0/thumbnail").status == 200;
  }));
}
