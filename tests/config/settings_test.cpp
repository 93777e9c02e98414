// Settings: the file, the environment, and what stops the start.
#include "config/settings.hpp"

#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace darkroom;
using namespace darkroom::config;

namespace {

std::string error_of(const std::string& toml) {
  settings s;
  const auto ok = read_toml(s, toml, "x.toml");
  return ok ? "" : ok.error();
}

} // namespace

TEST_CASE("the printed file has a comment for every setting and sets what it shows") {
  const auto file = to_toml(settings{});
  for (const auto& row : all_settings()) {
    INFO(row.key);
    const auto comment = row.about.empty() ? "" : "# " + std::string{row.about};
    const auto name = std::string{row.key.substr(row.key.rfind('.') + 1)};
    CHECK(file.find(comment + "\n" + name + " = ") != std::string::npos);
  }
  settings s;
  s.http.listen = "changed";
  REQUIRE(read_toml(s, file, "darkroom.toml"));
  CHECK(to_toml(s) == to_toml(settings{}));
}

TEST_CASE("what is set is printed and read back") {
  settings s;
  for (const auto& row : all_settings()) {
    auto value = row.in(s);
    if (auto** text = std::get_if<std::string*>(&value)) **text = "a \"quoted\" text";
    if (auto** number = std::get_if<std::uint64_t*>(&value)) **number = row.least + 1;
    if (auto** truth = std::get_if<bool*>(&value)) **truth = !**truth;
    if (auto** list = std::get_if<std::vector<std::string>*>(&value)) **list = {"a", "b"};
  }
  settings read;
  REQUIRE(read_toml(read, to_toml(s), "x"));
  CHECK(to_toml(read) == to_toml(s));
}

TEST_CASE("what is wrong is told with its key") {
  CHECK(error_of("[http]\nlisten = 1\n").find("http.listen: must be a text") != std::string::npos);
  CHECK(error_of("[http]\nlistne = \"a\"\n").find("http.listne: there is no such setting") !=
        std::string::npos);
  CHECK(error_of("[http]\nthreads = 0\n").find("http.threads: is from 1 to 64") !=
        std::string::npos);
  CHECK(error_of("[http]\nthreads = -1\n").find("http.threads") != std::string::npos);
  CHECK(error_of("[auth]\nadmins = \"a\"\n").find("auth.admins: must be a list") !=
        std::string::npos);
  CHECK(error_of("[log]\nrequests = 1\n").find("log.requests: must be true or false") !=
        std::string::npos);
  CHECK_FALSE(error_of("[http\n").empty());
  for (const auto* text : {"[ings\xc7\xa0og]\n", "a\xc3\xb6 = 1\n", "\n[http]\n\xe1\x9a\x80 = 1\n",
                           "[http]\nlisten = \"\"\"\\\n\xe1\x9a\x81\"\"\"\n"})
    CHECK(error_of(text).find("a letter beyond ASCII") != std::string::npos);
  CHECK(error_of("# \xc3\xb6\n[data]\n").empty());
  CHECK(error_of("[data]\ndir = 1['[in\xc7\xa0 d").find("a letter beyond ASCII") !=
        std::string::npos);
  CHECK(error_of("[data]\ndir = \"\xc3\"").find("as UTF-8") != std::string::npos);
  settings paths;
  REQUIRE(read_toml(
      paths, "\xef\xbb\xbf[data]\ndir = \"/\xc3\xb6\\\"\xf0\x9f\x98\x80\" # '\xc3\xb6\n", "x"));
  CHECK(paths.data.dir == "/\xc3\xb6\"\xf0\x9f\x98\x80");
  settings s;
  s.tls.certificate = "a";
  CHECK(check(s).error().starts_with("http.tls"));
  s = {};
  s.log.level = "loud";
  CHECK(check(s).error().starts_with("log.level"));
  s = {};
  s.auth.proxy_header = "X-User";
  CHECK(check(s).error().starts_with("auth.trusted_proxies"));
}

TEST_CASE("the environment goes before the file") {
  settings s;
  REQUIRE(read_toml(s, "[http]\nlisten = \"a:1\"\nthreads = 3\n", "x"));
  std::string listen = "DARKROOM_HTTP__LISTEN=b:2", tls = "DARKROOM_HTTP__TLS__KEY=k",
              list = "DARKROOM_AUTH__ADMINS=ann, ben", other = "DARKROOM_TOKEN=secret";
  char* environment[] = {listen.data(), tls.data(), list.data(), other.data(), nullptr};
  REQUIRE(read_environment(s, environment));
  CHECK(s.http.listen == "b:2");
  CHECK(s.http.threads == 3);
  CHECK(s.tls.key == "k");
  CHECK(s.auth.admins == std::vector<std::string>{"ann", "ben"});
  std::string typo = "DARKROOM_HTTP__LISTNE=b:2";
  char* wrong[] = {typo.data(), nullptr};
  CHECK(read_environment(s, wrong).error() ==
        "DARKROOM_HTTP__LISTNE: there is no such setting; did you mean DARKROOM_HTTP__LISTEN?");
  std::string far = "DARKROOM_XYZZY=1";
  char* unlike[] = {far.data(), nullptr};
  CHECK(read_environment(s, unlike).error() == "DARKROOM_XYZZY: there is no such setting");
  std::string short_one = "DARKROOM_BIN=1";
  char* unlike_too[] = {short_one.data(), nullptr};
  CHECK(read_environment(s, unlike_too).error() == "DARKROOM_BIN: there is no such setting");
  // Kubernetes sets these for a service of this name.
  std::string port = "DARKROOM_PORT=tcp://10.96.0.7:8080", host = "DARKROOM_SERVICE_HOST=10.96.0.7",
              service_port = "DARKROOM_SERVICE_PORT_HTTP=8080",
              address = "DARKROOM_PORT_8080_TCP_ADDR=10.96.0.7";
  char* service[] = {port.data(), host.data(), service_port.data(), address.data(), nullptr};
  CHECK(check_environment(service));
  CHECK(check_environment(environment));
  CHECK_FALSE(check_environment(unlike));
  std::string bad = "DARKROOM_HTTP__THREADS=0";
  char* value[] = {bad.data(), nullptr};
  CHECK(read_environment(s, value).error() ==
        "DARKROOM_HTTP__THREADS: http.threads: is from 1 to 64");
}

TEST_CASE("unknown tables and keys are named with the nearest that there is") {
  const auto last_of = [](const std::string& toml) {
    const auto text = error_of(toml);
    return text.substr(text.find(": ") + 2);
  };
  CHECK(last_of("[htpp]\n") == "[htpp]: there is no such table of settings; did you mean http?");
  CHECK(last_of("[http.lts]\nkey = 1\n") ==
        "[http.lts]: there is no such table of settings; did you mean http.tls?");
  CHECK(last_of("[http.listen]\n") == "[http.listen]: there is no such table of settings");
  CHECK(last_of("listen = \"a\"\n") ==
        "listen: there is no such setting; did you mean http.listen?");
  CHECK(last_of("[rate]\nuser_brust = 1\n") ==
        "rate.user_brust: there is no such setting; did you mean rate.user_burst?");
  CHECK(last_of("[[http]]\nlisten = \"a\"\n").starts_with("http: there is no such setting"));
  CHECK(last_of("[" + std::string(100'000, 'x') + "]\n").ends_with("no such table of settings"));
}

TEST_CASE("a reload takes what may change, and tells the rest") {
  settings running, wanted;
  wanted.rate.user_burst = 7;
  wanted.tls.key = "k2";
  wanted.http.threads = 9;
  wanted.http.allowed_origins = {"https://a"};
  wanted.log.requests = false;
  const auto next = reloaded(running, wanted);
  CHECK(differences(running, next) ==
        std::vector<std::string_view>{"http.allowed_origins", "http.tls.key", "rate.user_burst",
                                      "log.requests"});
  CHECK(differences(next, wanted) == std::vector<std::string_view>{"http.threads"});
  CHECK(next.http.threads == running.http.threads);
  CHECK(differences(next, next).empty());
}
