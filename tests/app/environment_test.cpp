// Strange environments at the start: descriptors, limits, rights, signals, folders of others.
#include "app/cgroup.hpp"
#include "app/crash_test/child_process.hpp"
#include "app/exit_code.hpp"
#include "app/http_client.hpp"
#include "base/unique_fd.hpp"
#include "process.hpp"
#include "served.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/support/scratch.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <netinet/in.h>
#include <new>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

using namespace darkroom;
using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string small_png() {
  return encoded("png", gradient(codecs::pixel_layout::rgb, 40, 30));
}

// A port that no other process has while this lives; connections to it wait.
class silent_port {
public:
  silent_port() {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::listen(fd_.get(), 8) == 0);
    REQUIRE(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    number_ = ntohs(at.sin_port);
  }
  std::uint16_t number() const { return number_; }

private:
  base::unique_fd fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t number_ = 0;
};

// A port that was free a moment ago.
std::uint16_t free_port() {
  return silent_port().number();
}

// The program behind other words, as `prlimit --nofile=64:64`; what it says goes to `.out`, `.err`.
class wrapped {
public:
  wrapped(const scratch& dir, std::vector<std::string> before,
          const std::vector<std::string>& arguments, std::vector<std::string> variables = {})
      : dir_(dir.path()), child_(launch(dir.path(), std::move(before), arguments, variables)) {
    REQUIRE(child_.pid() > 0);
  }
  std::string err() const { return content_of(dir_ + "/.err"); }
  std::string out() const { return content_of(dir_ + "/.out"); }
  bool says(const std::string& text) {
    return comes_true([&] { return contains(err(), text) || !child_.running(); }) &&
           contains(err(), text);
  }
  int wait() { return child_.wait(std::chrono::seconds(90)); }
  void signal(int number) const { child_.signal(number); }
  app::child_process& child() { return child_; }

private:
  static app::child_launch launch(const std::string& dir, std::vector<std::string> words,
                                  const std::vector<std::string>& arguments,
                                  const std::vector<std::string>& variables) {
    words.emplace_back(DARKROOM_BINARY);
    words.insert(words.end(), arguments.begin(), arguments.end());
    auto environment = app::plain_environment();
    environment.insert(environment.end(), variables.begin(), variables.end());
    return {std::move(words), std::move(environment), dir, dir + "/.out", dir + "/.err"};
  }
  std::string dir_;
  app::child_process child_;
};

std::vector<std::string> serve_words(const scratch& dir, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"serve", "--data", dir / "data", "--set",
                                 "data.disk_floor_bytes=0"};
  if (std::ranges::find(more, "--listen") == more.end())
    words.insert(words.end(), {"--listen", "127.0.0.1:0"});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

const std::vector<std::string> convert_words{"convert", "a.png", "-o", "out", "--to", "webp"};

bool runs(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

// "SigBlk:\t0000000000004003", a bit for each signal; proc(5).
bool blocks(pid_t pid, int number) {
  const auto status = content_of("/proc/" + std::to_string(pid) + "/status");
  const auto at = status.find("SigBlk:");
  return at != std::string::npos &&
         (std::stoull(status.substr(at + 8, 16), nullptr, 16) >> (number - 1) & 1) != 0;
}

std::string mode_of(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) return "none";
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(about.st_mode & 07777));
  return text;
}

} // namespace

TEST_CASE("/dev/null takes the place of standard descriptors that are closed") {
  for (const auto* closed : {"2>&-", "1>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"}) {
    INFO(closed);
    const scratch dir;
    dir.write("a.png", small_png());
    const auto port = std::to_string(free_port());
    const std::vector<std::string> shell{"sh", "-c", std::string{"exec \"$@\" "} + closed, "sh"};
    {
      wrapped server(dir, shell, serve_words(dir, {"--listen", "127.0.0.1:" + port}));
      app::http_client client({"http://127.0.0.1:" + port, ""});
      REQUIRE(comes_true([&] { return client.send("GET", "/readyz").status == 200; }));
      for (const auto* number : {"0", "1", "2"}) {
        const auto fd = "/proc/" + std::to_string(server.child().pid()) + "/fd/" + number;
        const auto target = fs::read_symlink(fd).string();
        INFO(number << " is " << target);
        CHECK((target == "/dev/null" || target.starts_with(dir.path())));
      }
      server.signal(SIGTERM);
      CHECK(server.wait() == 0);
    }
    wrapped convert(dir, shell, convert_words);
    CHECK(convert.wait() == 0);
    CHECK(content_of(dir / "out/a.webp").substr(8, 4) == "WEBP");
  }
}

TEST_CASE("too few threads for the server: one sentence and exit 1") {
  if (::geteuid() != 0 || !has("setpriv") || !has("prlimit")) SKIP("needs root and util-linux");
  const std::string as_other = "setpriv --reuid 12350 --regid 12350 --clear-groups ";
  if (!runs(as_other + DARKROOM_BINARY + " formats")) SKIP("other users cannot run the program");
  for (const auto* most : {"3", "8", "12", "20", "28"}) {
    INFO(most);
    const scratch dir;
    REQUIRE(::chown(dir.path().c_str(), 12'350, 12'350) == 0);
    wrapped server(dir,
                   {"setpriv", "--reuid", "12350", "--regid", "12350", "--clear-groups", "prlimit",
                    std::string{"--nproc="} + most + ':' + most},
                   serve_words(dir));
    CHECK(server.wait() == 1);
    INFO(server.err());
    CHECK(contains(server.err(), "threads and processes that are needed can be started"));
    CHECK(contains(server.err(), std::string{"ulimit -u, now "} + most));
    CHECK(std::ranges::count(server.err(), '\n') == 1);
  }
}

TEST_CASE("few descriptors: fewer connections, or a sentence and exit 1") {
  if (!has("prlimit")) SKIP("prlimit is not installed");
  const scratch dir;
  {
    wrapped server(dir, {"prlimit", "--nofile=256:256"},
                   serve_words(dir, {"--set", "work.slots=2"}));
    REQUIRE(server.says("darkroom serves on "));
    CHECK(contains(server.err(), "http.connections_max is 64 instead of 4096"));
    server.signal(SIGTERM);
    CHECK(server.wait() == 0);
  }
  wrapped refused(dir, {"prlimit", "--nofile=48:48"}, serve_words(dir));
  CHECK(refused.wait() == 1);
  CHECK(contains(refused.err(), "may open only 48 files and connections"));
}

TEST_CASE("root that may not become another user converts behind the layers that are left") {
  const scratch dir;
  dir.write("a.png", small_png());
  std::vector<std::vector<std::string>> ways;
  if (::geteuid() == 0 && runs("setpriv --bounding-set -setuid,-setgid true"))
    ways.push_back({"setpriv", "--bounding-set", "-setuid,-setgid"});
  if (runs("unshare -Ur true")) ways.push_back({"unshare", "-Ur"});
  if (ways.empty()) SKIP("neither setpriv nor user namespaces");
  for (const auto& way : ways) {
    INFO(way.front());
    {
      wrapped server(dir, way, serve_words(dir));
      REQUIRE(server.says("darkroom serves on "));
      CHECK(contains(server.err(), "reduced, without unprivileged user"));
      server.signal(SIGTERM);
      CHECK(server.wait() == 0);
    }
    wrapped doctor(dir, way, {"doctor", "--dir", dir.path()});
    CHECK(doctor.wait() == 0);
    CHECK(contains(doctor.out(), "reduced: hosts run without unprivileged user"));
    CHECK(contains(doctor.out(), "active layers"));
    CHECK(contains(doctor.out(), " network namespace, "));
    fs::remove_all(dir / "out");
    wrapped convert(dir, way, convert_words);
    INFO(convert.err());
    CHECK(convert.wait() == 0);
    fs::remove_all(dir / "data");
  }
}

TEST_CASE("without /proc it still converts") {
  if (::geteuid() != 0 || !runs("unshare -m umount -l /proc")) SKIP("needs a mount namespace");
  const scratch dir;
  dir.write("a.png", small_png());
  const std::vector<std::string> shell{
      "unshare", "-m", "sh", "-c", "umount -l /proc && exec \"$@\"", "sh"};
  wrapped convert(dir, shell, convert_words);
  INFO(convert.err());
  CHECK(convert.wait() == 0);
  CHECK(content_of(dir / "out/a.webp").substr(8, 4) == "WEBP");
  wrapped server(dir, shell, serve_words(dir));
  REQUIRE(server.says("darkroom serves on "));
  CHECK(contains(server.err(), "/proc is not mounted"));
  server.signal(SIGTERM);
  CHECK(server.wait() == 0);
}

TEST_CASE("a small stack from outside is no stack of threads, and one that is too small is named") {
  if (!has("prlimit")) SKIP("prlimit is not installed");
  const scratch dir;
  dir.write("a.png", small_png());
  wrapped convert(dir, {"prlimit", "--stack=1048576:1048576"}, convert_words);
  CHECK(convert.wait() == 0);
  wrapped refused(dir, {"prlimit", "--stack=262144:262144"}, convert_words);
  CHECK(refused.wait() == 1);
  CHECK(contains(refused.err(), "raise ulimit -s to 8192"));
}

TEST_CASE("others lose what they should not have of a folder that was there before") {
  const scratch dir;
  fs::create_directory(dir / "data");
  fs::permissions(dir / "data", fs::perms(0777));
  wrapped server(dir, {"sh", "-c", "umask 000; exec \"$@\"", "sh"}, serve_words(dir));
  REQUIRE(server.says("darkroom serves on "));
  CHECK(mode_of(dir / "data") == "0750");
  CHECK(contains(server.err(), "had mode 0777 and has 0750 now"));
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(dir / "data")) {
    INFO(entry.path());
    const auto mode = mode_of(entry.path());
    if (mode == "none") continue; // a file that was there for a moment
    CHECK(mode == (entry.is_directory() ? "0700" : "0600"));
    ++files;
  }
  CHECK(files > 5);
}

TEST_CASE("a taken port leaves the first token to the next start, which shows it") {
  const scratch dir, other, elsewhere;
  served first(other.path());
  {
    wrapped refused(dir, {},
                    serve_words(dir, {"--listen", "127.0.0.1:" + std::to_string(first.port())}));
    CHECK(refused.wait() == 1);
    CHECK(refused.out().empty());
    CHECK(contains(refused.err(), "cannot listen on"));
  }
  {
    served server(dir.path());
    CHECK(server.token().starts_with("dr_"));
    CHECK_FALSE(contains(content_of(dir / ".err"), "token create --user admin"));
  }
  // It was never used: perhaps it was lost.
  std::string token;
  {
    served again(dir.path());
    CHECK(again.token().empty());
    REQUIRE(comes_true([&] {
      return contains(content_of(dir / ".err"),
                      "token create --user admin --role admin --data " + (dir / "data"));
    }));
  }
  token = run_darkroom(
              {"token", "create", "--user", "admin", "--role", "admin", "--data", dir / "data"},
              elsewhere.path())
              .out;
  token.pop_back();
  {
    served used(dir.path());
    app::http_client client({used.address(), token});
    REQUIRE(client.send("GET", "/v1/me").status == 200);
    used.running().signal(SIGTERM);
    CHECK(used.running().wait().code == 0);
  }
  served last(dir.path());
  last.running().signal(SIGTERM);
  CHECK_FALSE(contains(last.running().wait().err, "token create --user admin"));
}

TEST_CASE("a second signal ends a start that hangs") {
  const scratch dir;
  fs::create_directories(dir / "data/journal");
  REQUIRE(::mkfifo((dir / "data/journal/CURRENT").c_str(), 0600) == 0);
  wrapped server(dir, {}, serve_words(dir));
  // Not all signals, as between fork and exec.
  REQUIRE(comes_true([&] {
    const auto pid = server.child().pid();
    return blocks(pid, SIGTERM) && !blocks(pid, SIGUSR1);
  }));
  server.signal(SIGTERM);
  // Two at once are one.
  REQUIRE(comes_true([&] {
    server.signal(SIGTERM);
    return !server.child().running();
  }));
  CHECK(server.wait() == 75);
  CHECK(contains(server.err(), "the shutdown timed out"));
}

TEST_CASE("a second signal ends a worker whose link hangs") {
  const scratch dir;
  const auto cluster = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "cluster");
    const auto done = run_darkroom(words, dir.path());
    INFO(done.err);
    REQUIRE(done.code == 0);
  };
  cluster({"init", "--dir", "authority", "--host", "127.0.0.1"});
  cluster({"issue", "w1", "--dir", "authority", "--out", "w1.pem"});
  const silent_port server;
  wrapped worker(dir, {},
                 {"worker", "--join", "127.0.0.1:" + std::to_string(server.number()), "--identity",
                  "w1.pem", "--slots", "1"});
  std::vector<pid_t> links;
  REQUIRE(comes_true([&] {
    links = descendants(worker.child().pid(), "darkroom");
    std::erase(links, worker.child().pid());
    return links.size() == 1 && worker.err().ends_with('\n'); // it says so once it takes signals
  }));
  ::kill(links.front(), SIGSTOP);
  worker.signal(SIGTERM);
  REQUIRE(comes_true([&] {
    worker.signal(SIGTERM);
    return !worker.child().running();
  }));
  CHECK(worker.wait() == 0);
  CHECK_FALSE(app::lives(links.front()));
}

TEST_CASE("SIGHUP is ignored under nohup, and ends a server whose terminal is closed") {
  const scratch dir;
  {
    wrapped server(dir, {"nohup"}, serve_words(dir));
    REQUIRE(server.says("darkroom serves on "));
    server.signal(SIGHUP);
    server.signal(SIGTERM);
    CHECK(server.wait() == 0);
    CHECK_FALSE(contains(server.err(), "read again"));
  }
  if (!has("script")) SKIP("script is not installed");
  std::string command = DARKROOM_BINARY;
  for (const auto& word : serve_words(dir))
    command += ' ' + word;
  app::child_process terminal({{"script", "-qefc", command, dir / "typescript"},
                               app::plain_environment(),
                               dir.path(),
                               dir / ".out",
                               dir / ".err"});
  const auto said = [&] { return content_of(dir / "typescript"); };
  REQUIRE(comes_true([&] { return contains(said(), "darkroom serves on "); }));
  const auto servers = descendants(terminal.pid(), "darkroom");
  REQUIRE(servers.size() == 1);
  ::kill(servers.front(), SIGHUP);
  CHECK(terminal.wait(std::chrono::seconds(60)) == 0);
  CHECK(contains(said(), "stopping; a second signal skips the wait"));
}

TEST_CASE("SIGHUP without a terminal reads settings, certificate and log file again") {
  if (!has("openssl")) SKIP("openssl is not installed");
  const scratch dir;
  const auto make_certificate = [&](const std::string& name) {
    REQUIRE(runs("cd " + dir.path() +
                 " && openssl req -x509 -newkey rsa:2048 -nodes -keyout k.new "
                 "-out c.new -days 2 -subj /CN=" +
                 name + " && mv k.new k.pem && mv c.new c.pem"));
  };
  const auto write_settings = [&](const std::string& more) {
    dir.write("darkroom.toml", "[log]\nfile = \"" + (dir / "log") +
                                   "\"\n[http.tls]\ncertificate = \"" + (dir / "c.pem") +
                                   "\"\nkey = \"" + (dir / "k.pem") + "\"\n" + more);
  };
  make_certificate("first");
  write_settings("");
  served server(dir.path(), {"--config", dir / "darkroom.toml"});
  const auto port = std::to_string(server.port());
  const auto subject = [&] {
    std::system(("openssl s_client -connect 127.0.0.1:" + port +
                 " </dev/null 2>/dev/null | openssl "
                 "x509 -noout -subject > " +
                 (dir / "subject"))
                    .c_str());
    return content_of(dir / "subject");
  };
  const auto reload = [&](const std::string& expected) {
    fs::rename(dir / "log", dir / "log.1"); // as logrotate does
    server.running().signal(SIGHUP);
    const bool came = comes_true([&] {
      return contains(content_of(dir / "log"), expected) ||
             contains(content_of(dir / "log.1"), expected);
    });
    INFO(content_of(dir / "log") << content_of(dir / "log.1"));
    REQUIRE(came);
  };
  CHECK(contains(subject(), "first"));
  make_certificate("second");
  write_settings("[rate]\nuser_burst = 77\n[http]\nthreads = 3\n");
  reload("changed: rate.user_burst; the certificate was read again; the log file was opened again");
  CHECK(comes_true(
      [&] { return contains(content_of(dir / "log"), "need a restart: http.threads"); }));
  CHECK(contains(subject(), "second"));
  // What is wrong changes nothing, and is named.
  make_certificate("third");
  write_settings("[rate]\nuser_burst = 0\n");
  reload("nothing was changed: " + (dir / "darkroom.toml") + ": rate.user_burst");
  fs::rename(dir / "log.1", dir / "log"); // it is still written to
  write_settings("");
  dir.write("k.pem", "no key");
  reload("nothing was changed: http.tls.key");
  CHECK(contains(subject(), "second"));
}

TEST_CASE("unknown variables and tables are named, with what they may have been meant to be") {
  const scratch dir;
  const auto config_check = [&](std::vector<std::string> variables,
                                std::vector<std::string> more = {}) {
    std::vector<std::string> words{"config", "check"};
    words.insert(words.end(), more.begin(), more.end());
    wrapped check(dir, {}, words, std::move(variables));
    const auto code = check.wait();
    return std::to_string(code) + ' ' + check.err();
  };
  CHECK(config_check({"DARKROOM_HTTP__LISTNE=x"}) ==
        "1 darkroom: DARKROOM_HTTP__LISTNE: there is no such setting; did you mean "
        "DARKROOM_HTTP__LISTEN?\n");
  CHECK(config_check({"DARKROOM_TOKEN=x", "DARKROOM_SERVER=y"}) == "0 ");
  dir.write("x.toml", "[htpp]\n");
  CHECK(contains(config_check({}, {"--config", "x.toml"}),
                 "[htpp]: there is no such table of settings; did you mean http?"));
  wrapped client(dir, {}, {"batch", "ls"}, {"DARKROOM_TOKN=x"});
  CHECK(client.wait() == 1);
  CHECK(contains(client.err(), "DARKROOM_TOKN: there is no such setting; did you mean "
                               "DARKROOM_TOKEN?"));
}

TEST_CASE(
    "a server that does not answer is temporary, and a token in the arguments prints a warning") {
  const scratch dir;
  const auto port = std::to_string(free_port());
  const auto ended = run_darkroom(
      {"batch", "ls", "--server", "http://127.0.0.1:" + port, "--token", "dr_x"}, dir.path());
  CHECK(ended.code == 75);
  CHECK(contains(ended.err, "every user of this machine can read a --token"));
}

TEST_CASE("without libcurl the server serves, and clients name the package") {
  const scratch dir;
  dir.write("libcurl.so.4", "no library");
  const std::string libraries = "LD_LIBRARY_PATH=" + dir.path();
  wrapped version(dir, {}, {"--version"}, {libraries});
  CHECK(version.wait() == 0); // the server is the same program
  wrapped client(dir, {}, {"batch", "ls"}, {libraries});
  CHECK(client.wait() == 1);
  CHECK(contains(client.err(), "the HTTP client cannot be loaded (Debian package libcurl4)"));
}

TEST_CASE("what may work later with nothing changed is temporary, and only bugs are internal") {
  using persistence::journal_error;
  using persistence::journal_fault;
  for (const auto fault : {journal_fault::locked, journal_fault::no_space, journal_fault::io})
    CHECK(app::exit_of(journal_error{fault, ""}) == app::exit_temporary);
  for (const auto fault : {journal_fault::missing, journal_fault::newer, journal_fault::corrupt,
                           journal_fault::incomplete})
    CHECK(app::exit_of(journal_error{fault, ""}) == app::exit_usage);
  CHECK(app::exit_of(persistence::file_error{ENOSPC, ""}) == app::exit_temporary);
  CHECK(app::exit_of(persistence::file_error{EACCES, ""}) == app::exit_usage);
  const std::error_code no_thread(EAGAIN, std::generic_category());
  CHECK(app::exit_of(std::system_error(no_thread)) == app::exit_temporary);
  CHECK(app::exit_of(std::bad_alloc()) == app::exit_temporary);
  CHECK(app::exit_of(std::logic_error("a bug")) == app::exit_internal);
}

TEST_CASE("cores follow from the control groups") {
  const scratch dir;
  const auto cores = [&](const std::string& own) {
    dir.write("own", own);
    return app::usable_cores({dir.path(), dir / "own"});
  };
  const auto all = cores("");
  CHECK(all >= 1);
  dir.write("a/b/cpu.max", "50000 100000\n");
  CHECK(cores("0::/a/b\n") == 1);
  dir.write("a/b/cpu.max", "max 100000\n");
  CHECK(cores("0::/a/b\n") == all);
  dir.write("a/cpu.max", "10 100000\n");
  CHECK(cores("0::/a/b\n") == 1);
  dir.write("cpu/c/cpu.cfs_quota_us", "-1\n");
  dir.write("cpu/c/cpu.cfs_period_us", "100000\n");
  CHECK(cores("4:cpu,cpuacct:/c\n") == all);
  dir.write("cpu/c/cpu.cfs_quota_us", "100000\n");
  CHECK(cores("4:cpu,cpuacct:/c\n") == 1);
  CHECK(cores("nonsense\n::\n4:cpu:x\n0:\n") == all);
}
