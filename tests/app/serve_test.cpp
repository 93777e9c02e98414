// The server as its users run it: the quickstart word for word, health, settings, tokens, the end.
#include "app/crash_test/child_process.hpp"
#include "app/http_client.hpp"
#include "app/serve_upkeep.hpp"
#include "config/settings.hpp"
#include "process.hpp"
#include "served.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/support/scratch.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

// The shell blocks of a page, in order.
std::string script_of(const std::string& page) {
  std::istringstream in(page);
  std::string script;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line == "```sh")
      inside = true;
    else if (line == "```")
      inside = false;
    else if (inside)
      script += line + '\n';
  }
  return script;
}

std::string some_png(std::uint32_t i) {
  return encoded("png", gradient(darkroom::codecs::pixel_layout::rgb, 40 + 10 * i, 30));
}

// What the threads of a process are called, without the first one, whose name is the process's.
std::vector<std::string> thread_names(pid_t process) {
  std::vector<std::string> names;
  const auto tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    auto name = content_of(task.path().string() + "/comm");
    if (!name.empty()) name.pop_back(); // the end of the line
    if (task.path().filename() != std::to_string(process)) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

} // namespace

TEST_CASE("every thread of a server is named by its role") {
  const scratch dir;
  const auto cluster = dir / "cluster";
  REQUIRE(
      run_darkroom({"cluster", "init", "--dir", cluster, "--host", "127.0.0.1"}, dir.path()).code ==
      0);
  served server(dir.path(), {"--set", "work.slots=3", "--set", "http.threads=2", "--set",
                             "cluster.dir=" + cluster, "--set", "cluster.listen=127.0.0.1:0"});
  const auto own = content_of("/proc/" + std::to_string(server.running().pid()) + "/comm");
  std::vector<std::string> names;
  const auto none_is_own = [&] { // a thread names itself as the first thing that it does
    names = thread_names(server.running().pid());
    return std::ranges::none_of(names, [&](const auto& name) { return name + '\n' == own; });
  };
  CHECK(comes_true(none_is_own, std::chrono::seconds(20)));
  CAPTURE(names);
  CHECK(std::ranges::none_of(names, [](const auto& name) { return name.starts_with("caf."); }));
  for (const auto* role :
       {"actor clock", "actors",      "blob committer", "cluster", "feed",       "http 0",
        "http 1",      "http disk 0", "journal",        "links",   "host stock", "log",
        "placer",      "previews",    "prober",         "remover", "scrubber",   "server meter",
        "signals",     "slot 0",      "slot 1",         "slot 2"}) {
    CAPTURE(role);
    CHECK(std::ranges::find(names, role) != names.end());
  }
  // What these do is charged to the users whose files end.
  std::erase_if(names, [](const auto& name) { return !darkroom::app::works_for_files(name); });
  const auto copies = std::ranges::unique(names);
  names.erase(copies.begin(), copies.end());
  CHECK(names == std::vector<std::string>{"actors", "cluster", "host stock", "journal", "links",
                                          "placer", "prober", "rocksdb:high", "rocksdb:low"});
}

TEST_CASE("the quickstart works as it is written") {
  for (const auto* program : {"curl", "jq", "unzip"})
    if (!has(program)) SKIP(program << " is not installed");
  const scratch dir, clone;
  for (int i = 0; i < 5; ++i)
    clone.write((i % 2 == 0 ? "docs/pictures/p" : "docs/pictures/sub dir/p") + std::to_string(i) +
                    ".png",
                some_png(static_cast<std::uint32_t>(i)));
  std::filesystem::create_directories(clone / "build/release");
  std::filesystem::create_symlink(DARKROOM_BINARY, clone / "build/release/darkroom");
  served server(dir.path());
  auto page = script_of(content_of(DARKROOM_SOURCE_DIR "/docs/quickstart.md"));
  const std::string address = "http://127.0.0.1:8080";
  REQUIRE(page.find(address) != std::string::npos);
  page.replace(page.find(address), address.size(), server.address());
  clone.write("quickstart.sh", page);
  const auto run = [&](const char* shell, const std::string& token) {
    clone.write("token", token + '\n');
    const auto command =
        "cd " + clone.path() + " && " + shell + " quickstart.sh < token > out.txt 2> err.txt";
    return std::system(command.c_str());
  };
  // Pasted without a token.
  CHECK(run("sh", "") != 0);
  CHECK(content_of(clone / "err.txt").find("token: was not made; the line above says why") !=
        std::string::npos);
  std::filesystem::remove_all(clone / "photos");
  const int code = run("sh -eux", server.token());
  const auto out = content_of(clone / "out.txt");
  INFO(out << content_of(clone / "err.txt"));
  REQUIRE(code == 0);
  CHECK(out.find("\"user\":\"ann\"") != std::string::npos);
  CHECK(out.find("No errors detected") != std::string::npos);
  CHECK(out.find("\"completed\":5") != std::string::npos);
  CHECK(content_of(clone / "first.webp").substr(8, 4) == "WEBP");
}

TEST_CASE("serve --open opens the page, with the token of the first start") {
  const scratch data, programs;
  const auto opened = programs / "opened";
  programs.write("xdg-open", "#!/bin/sh\necho \"$1\" > " + opened + "\n");
  std::filesystem::permissions(programs / "xdg-open", std::filesystem::perms::owner_all);
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", (programs.path() + ":" + path).c_str(), 1);
  served server(data.path(), {"--open"});
  ::setenv("PATH", path.c_str(), 1);
  REQUIRE(comes_true([&] { return content_of(opened).ends_with('\n'); }));
  CHECK(content_of(opened) == server.address() + "/#token=" + server.token() + '\n');
}

TEST_CASE("/v1/formats says what the rows of the formats say, as the document describes it") {
  const scratch dir;
  served server(dir.path());
  app::http_client client({server.address(), server.token()});
  const auto get = [&](const std::string& path) {
    const auto reply = client.send("GET", path);
    REQUIRE(reply.status == 200);
    return boost::json::parse(reply.body);
  };
  const auto formats = get("/v1/formats");
  const auto schemas = get("/v1/openapi.json").at("components").at("schemas");
  const auto& described = schemas.at("Format").at("properties").as_object();
  const auto& options = described.at("options").at("properties").as_object();
  std::vector<std::string> names, lossless;
  for (const auto& format : formats.at("formats").as_array()) {
    names.emplace_back(format.at("name").as_string());
    INFO(names.back());
    CHECK(format.as_object().size() == described.size());
    for (const auto& member : format.as_object())
      CHECK(described.contains(member.key()));
    for (const auto& option : format.at("options").as_object())
      CHECK(options.contains(option.key()));
    if (format.at("options").at("lossless") != "never") lossless.push_back(names.back());
  }
  CHECK(names == std::vector<std::string>{"jpeg", "png", "webp"});
  const auto& jpeg = formats.at("formats").at(0);
  CHECK(jpeg.at("aliases") == boost::json::array{"jpg"});
  CHECK(jpeg.at("options").at("quality").at("most") == 100);
  CHECK(jpeg.at("options").at("chroma") == boost::json::array({"420", "444"}));
  CHECK(formats.at("options").at("lossless") ==
        boost::json::array(lossless.begin(), lossless.end()));
  CHECK(formats.at("limits").at("jpeg_scans_max") == 100);
}

TEST_CASE("kill -9 in the middle of a batch: the next start finishes it") {
  const scratch dir, client;
  for (std::uint32_t i = 0; i < 40; ++i)
    client.write("in/p" + std::to_string(i) + ".png", some_png(i));
  std::string token, id;
  const auto account = [&](const served& server) {
    return std::vector<std::string>{"--server", server.address(), "--token", token};
  };
  const auto batch = [&](const served& server, std::vector<std::string> words) {
    words.insert(words.begin(), "batch");
    const auto more = account(server);
    words.insert(words.end(), more.begin(), more.end());
    return run_darkroom(words, client.path());
  };
  {
    served server(dir.path());
    token = server.token();
    const auto made = batch(server, {"submit", "in", "--to", "webp", "--quiet"});
    INFO(made.err);
    REQUIRE(made.code == 0);
    id = made.out.substr(0, 36);
    server.running().signal_group(SIGKILL);
    server.running().wait();
  }
  served server(dir.path());
  CHECK(server.token().empty()); // there is one already
  REQUIRE(comes_true([&] {
    return batch(server, {"get", id}).out.find("\"state\":\"completed\"") != std::string::npos;
  }));
  REQUIRE(batch(server, {"download", id, "-o", "out"}).code == 0);
  CHECK(content_of(client / "out/p39.webp").substr(8, 4) == "WEBP");
  CHECK(batch(server, {"download", id, "-o", "out"})
            .err.ends_with("0 files fetched, 40 files there already\n"));
  REQUIRE(batch(server, {"download", id, "--zip", "-o", "all.zip"}).code == 0);
  CHECK(content_of(client / "all.zip").starts_with("PK"));
  // What the server has need not be sent again.
  const auto again = batch(server, {"submit", "in", "--to", "jpeg", "--wait"});
  INFO(again.err);
  CHECK(again.code == 0);
  CHECK(again.err.find("40 files, 0 files to upload") != std::string::npos);
  CHECK(batch(server, {"ls"}).out.find("completed") != std::string::npos);
  CHECK(batch(server, {"pause", id}).code == 1);
  CHECK(batch(server, {"get", "nonsense"}).err.find("invalid_id") != std::string::npos);
  server.running().signal(SIGTERM);
  CHECK(server.running().wait().code == 0);
  // What is said of requests has no token, no query and no name in it.
  const auto log = content_of(dir / ".err");
  CHECK(log.find(" route=/v1/batches/{id} ") != std::string::npos);
  CHECK(log.find(token.substr(20)) == std::string::npos);
  CHECK(log.find("limit=1000") == std::string::npos);
}

TEST_CASE("tokens are made beside a server, and in the folder of one that does not run") {
  const scratch dir;
  const auto token = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "token");
    return run_darkroom(words, dir.path());
  };
  const auto made = token({"create", "--user", "ann", "--data", "data"});
  INFO(made.err);
  REQUIRE(made.code == 0);
  REQUIRE(made.out.starts_with("dr_"));
  CHECK(token({"create", "--user", "a b", "--data", "data"}).code == 1);
  CHECK(token({"list", "--data", "data"}).out.find("ann") != std::string::npos);
  const scratch client;
  served server(dir.path());
  CHECK(server.token().empty()); // somebody can get in already
  CHECK(run_darkroom({"token", "list", "--data", dir / "data"}, client.path())
            .err.find("leave --data out") != std::string::npos);
  const auto as = [&](const std::string& who) {
    return run_darkroom({"batch", "ls", "--server", server.address(), "--token", who},
                        client.path());
  };
  const auto text = made.out.substr(0, made.out.size() - 1);
  CHECK(as(text).code == 0);
  CHECK(as("dr_no").err.find("unauthorized") != std::string::npos);
}

TEST_CASE("a credentials file that others can read is refused") {
  const scratch home;
  home.write("darkroom/credentials", "server = http://127.0.0.1:1\ntoken = dr_x\n");
  ::setenv("XDG_CONFIG_HOME", home.path().c_str(), 1);
  CHECK(run_darkroom({"batch", "ls"}, home.path()).err.find("chmod 600") != std::string::npos);
  std::filesystem::permissions(home / "darkroom/credentials", std::filesystem::perms(0600));
  CHECK(run_darkroom({"batch", "ls"}, home.path()).err.find("http://127.0.0.1:1") !=
        std::string::npos);
  ::unsetenv("XDG_CONFIG_HOME");
}

TEST_CASE("what cannot be served is refused with what to do") {
  const scratch dir;
  const auto serve = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "serve");
    return run_darkroom(words, dir.path());
  };
  const auto open = serve({"--listen", "0.0.0.0:0"});
  CHECK(open.code == 1);
  CHECK(open.err.find("--insecure-no-tls") != std::string::npos);
  CHECK(serve({"--listen", "nowhere"}).err.find("HOST:PORT") != std::string::npos);
  CHECK(serve({"--set", "http.listne=x"}).err.find("http.listne: there is no such setting") !=
        std::string::npos);
  CHECK(serve({"--set", "http.threads=0"}).err.find("http.threads: is from 1 to 64") !=
        std::string::npos);
  CHECK(serve({"--config", "missing.toml"}).err.find("missing.toml") != std::string::npos);
  CHECK(run_darkroom({"config", "check", "--set", "log.level=loud"}, dir.path()).code == 1);
  CHECK(run_darkroom({"config", "check"}, dir.path()).code == 0);
  CHECK(run_darkroom({"config", "print"}, dir.path()).out == config::to_toml({}));
  const auto printed =
      run_darkroom({"config", "print", "--listen", "127.0.0.1:9", "--data", "d"}, dir.path()).out;
  CHECK(printed.find("listen = \"127.0.0.1:9\"") != std::string::npos);
  served server(dir.path());
  const auto second =
      run_darkroom({"serve", "--listen", "127.0.0.1:0", "--data", dir / "data"}, "/tmp");
  CHECK(second.err.find("a server is using") != std::string::npos);
  CHECK(run_darkroom({"health", "--server", server.address()}, "/tmp").code == 0);
  CHECK(run_darkroom({"health", "--server", "http://127.0.0.1:1"}, "/tmp").code != 0);
}

TEST_CASE("a log that is not read delays no request, nor the end") {
  const scratch dir;
  app::child_launch launch;
  // The server itself holds the reading end open.
  launch.words = {"/bin/sh", "-c",
                  "mkfifo log && exec 3<>log && exec \"$DARKROOM\" serve --data data --listen "
                  "127.0.0.1:0 --set data.disk_floor_bytes=0 --set rate.ip_burst=100000 --set "
                  "rate.user_burst=100000 2>&3"};
  launch.environment = app::plain_environment();
  launch.environment.emplace_back("DARKROOM=" DARKROOM_BINARY);
  launch.directory = dir.path();
  launch.out = dir / "out";
  launch.err = dir / "err";
  app::child_process server(launch);
  REQUIRE(
      comes_true([&] { return content_of(dir / "out").find("/#token=") != std::string::npos; }));
  const auto out = content_of(dir / "out");
  const auto token = out.substr(0, out.find('\n'));
  const auto url = out.substr(token.size() + 1, out.find("/#token=") - token.size() - 1);
  app::http_client client({url, token});
  int answered = 0;
  for (int i = 0; i < 8'000; ++i)
    answered += client.send("GET", "/v1/me").status == 200;
  CHECK(answered == 8'000);
  const auto metrics = client.send("GET", "/metrics").body;
  const auto at = metrics.find("\ndarkroom_log_lines_dropped_total ");
  REQUIRE(at != std::string::npos);
  CHECK(metrics.substr(metrics.find(' ', at + 1) + 1, 1) != "0");
  server.signal(SIGTERM);
  CHECK(server.wait(std::chrono::seconds(60)) == 0);
}

TEST_CASE("the log names no file, no user and no address, unless it is told to") {
  const scratch dir;
  const auto run = [&](std::vector<std::string> more) {
    const scratch place;
    served server(place.path(), std::move(more));
    const auto made = app::http_client({server.address(), server.token()})
                          .send("POST", "/v1/admin/tokens", R"({"user":"ann.smith"})");
    REQUIRE(made.status == 201);
    const auto token = std::string{boost::json::parse(made.body).at("token").as_string()};
    app::http_client ann({server.address(), token});
    const auto batch =
        ann.send("POST", "/v1/batches", R"({"spec":{"outputs":[{"format":"webp"}]}})");
    const auto id = std::string{boost::json::parse(batch.body).at("id").as_string()};
    const auto path = "/v1/batches/" + id;
    CHECK(ann.send("PUT", path + "/files/holiday/beach.png", some_png(1)).status == 201);
    CHECK(ann.send("PUT", path + "/files/holiday/broken.png", "no picture").status == 422);
    CHECK(ann.send("POST", path + "/start").status == 202);
    REQUIRE(comes_true(
        [&] { return ann.send("GET", path).body.find("\"completed\":1") != std::string::npos; }));
    CHECK(ann.send("GET", path + "/files/0/outputs/0").status == 200);
    CHECK(ann.send("GET", path + "/files?q=beach").status == 200);
    server.running().signal(SIGTERM);
    return server.running().wait().err;
  };
  const auto log = run({});
  CHECK(log.find("route=/v1/batches/{id}/files/{file...}") != std::string::npos);
  for (const char* personal : {"holiday", "beach", "broken", "ann.smith", "address="})
    CHECK(log.find(personal) == std::string::npos);
  CHECK(run({"--set", "log.addresses=true"}).find(" address=127.0.0.1 ") != std::string::npos);
}

TEST_CASE("it speaks TLS 1.2 and later, and nothing older") {
  if (!has("openssl") || !has("curl")) SKIP("openssl or curl is not installed");
  const scratch dir;
  const auto make =
      "cd " + dir.path() +
      " && openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 "
      "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null";
  REQUIRE(std::system(make.c_str()) == 0);
  served server(dir.path(), {"--set", "http.tls.certificate=" + (dir / "c.pem"), "--set",
                             "http.tls.key=" + (dir / "k.pem")});
  CHECK(server.address().starts_with("https://"));
  const auto curl = [&](const std::string& options) {
    return std::system(("curl -sf -o /dev/null --cacert " + (dir / "c.pem") + ' ' + options + ' ' +
                        server.address() + "/readyz")
                           .c_str());
  };
  CHECK(curl("--tlsv1.2 --tls-max 1.2") == 0);
  CHECK(curl("--tlsv1.3") == 0);
  CHECK(curl("--tlsv1.1 --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0") != 0);
  CHECK(curl("--tls-max 1.2 --ciphers ECDHE-RSA-AES256-GCM-SHA384") == 0);
  CHECK(curl("--tls-max 1.2 --ciphers ECDHE-RSA-CHACHA20-POLY1305") == 0);
  CHECK(curl("--tls-max 1.2 --ciphers ECDHE-RSA-AES128-SHA") != 0); // not authenticated
  CHECK(curl("--tls-max 1.2 --ciphers AES128-GCM-SHA256") != 0);    // no forward secrecy
  const auto plain = "http" + server.address().substr(5) + "/readyz";
  CHECK(std::system(("curl -s -o " + (dir / "plain") + " -w '%{http_code}' " + plain + " > " +
                     (dir / "status"))
                        .c_str()) == 0);
  CHECK(content_of(dir / "status") == "400");
  CHECK(content_of(dir / "plain").find("https://") != std::string::npos);
  CHECK(
      run_darkroom({"serve", "--set", "http.tls.certificate=x"}, dir.path()).err.find("http.tls") !=
      std::string::npos);
}

// Takes minutes and 5 GB: `scripts/test --full`.
TEST_CASE("results of more than 4 GiB come as one ZIP, also when the download is cut", "[.full]") {
  const scratch dir, client;
  domain::output_spec fast;
  fast.effort = 0;
  const auto large = encoded("png", noise(codecs::pixel_layout::rgb, 7'000, 7'000), {}, fast);
  REQUIRE(large.size() > 139'000'000);
  for (int i = 0; i < 31; ++i) // one content: stored once, converted and delivered each time
    client.write("in/p" + std::to_string(i) + ".png", large);
  served server(dir.path(), {"--set", "work.input_bytes_max=268435456"});
  const std::vector<std::string> account{"--server", server.address(), "--token", server.token()};
  process submit({"batch", "submit", "in", "--to", "png", "--effort", "0", "--quiet", account[0],
                  account[1], account[2], account[3]},
                 client.path());
  const auto made = submit.wait();
  INFO(made.err);
  REQUIRE(made.code == 0);
  const auto id = made.out.substr(0, 36);
  const auto get = "curl -sf -H 'Authorization: Bearer " + server.token() + "' ";
  const auto batch = server.address() + "/v1/batches/" + id;
  REQUIRE(comes_true(
      [&] { return std::system((get + batch + " | grep -q '\"completed\":31'").c_str()) == 0; },
      std::chrono::seconds(900)));
  const auto zip = client / "r.zip";
  std::system((get + batch + "/results.zip | head -c 2500000000 > " + zip).c_str());
  CHECK(std::filesystem::file_size(zip) == 2'500'000'000);
  CHECK(std::system((get + "-C - -o " + zip + ' ' + batch + "/results.zip").c_str()) == 0);
  CHECK(std::filesystem::file_size(zip) > (4ull << 30));
  CHECK(std::system(("unzip -tqq " + zip).c_str()) == 0);
}
