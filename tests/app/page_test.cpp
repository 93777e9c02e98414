// The page, in Debian's Chromium, as people use it.
#include "app/http_client.hpp"
#include "app/server_answers.hpp"
#include "nginx.hpp"
#include "served.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

using namespace darkroom;
using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

constexpr auto npm_folder = DARKROOM_SOURCE_DIR "/build/npm/node_modules";

bool has_browser() {
  return has("/usr/bin/node") && has("/usr/bin/chromium") &&
         fs::exists(std::string{npm_folder} + "/playwright-core");
}

// Of one of tests/clients; its output goes to `out` and `err` in `directory`.
std::string command_of(const std::string& script, const std::string& arguments,
                       const scratch& directory) {
  return std::string{"NODE_PATH="} + npm_folder + " timeout 240 /usr/bin/node " +
         DARKROOM_SOURCE_DIR + "/tests/clients/" + script + ' ' + arguments + " > " +
         (directory / "out") + " 2> " + (directory / "err");
}

// A tree of pictures, `count` in all, each another one; and something that is none.
void make_folder(const fs::path& root, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    const auto folder = root / ("part " + std::to_string(i % 7)) / (i % 2 == 0 ? "a" : "b/ä");
    fs::create_directories(folder);
    const bool jpeg = i % 3 != 0;
    const auto pixels = gradient(codecs::pixel_layout::rgb, 40 + i % 50, 30 + i / 50);
    std::ofstream(folder / ("f" + std::to_string(i) + (jpeg ? ".jpg" : ".png")), std::ios::binary)
        << encoded(jpeg ? "jpeg" : "png", pixels);
  }
  std::ofstream(root / "notes.txt") << "no picture";
}

std::map<std::string, std::string> pictures_below(const fs::path& root) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.path().extension() == ".webp")
      all[fs::relative(entry.path(), root).string()] = content_of(entry.path());
  return all;
}

// Runs a script to its end; what it printed.
std::string said_by(const std::string& script, const std::string& arguments,
                    const scratch& directory) {
  const auto code = std::system(command_of(script, arguments, directory).c_str());
  INFO(content_of(directory / "out"));
  INFO(content_of(directory / "err"));
  REQUIRE(code == 0);
  return content_of(directory / "out");
}

// A token of this user's, made by the admin's.
std::string token_of(const served& server, const std::string& user, const std::string& role) {
  app::http_client admin({server.address(), server.token()});
  const auto made = admin.send("POST", "/v1/admin/tokens",
                               R"({"user":")" + user + R"(","role":")" + role + R"("})");
  REQUIRE(made.status == 201);
  return app::text_of(app::parsed(made.body), "token");
}

// Pictures that take a while, each another one.
void make_slow_folder(const fs::path& root, unsigned count) {
  fs::create_directories(root);
  for (unsigned i = 0; i < count; ++i)
    std::ofstream(root / ("slow" + std::to_string(i) + ".jpg"), std::ios::binary)
        << encoded("jpeg", noise(codecs::pixel_layout::rgb, 1'000 + i, 700));
}

} // namespace

TEST_CASE("a folder is dropped, converted and taken home: what `convert` makes, in the same tree") {
  if (!has_browser()) SKIP("node, chromium or playwright-core is not installed");
  const scratch data, work;
  served server(data.path());
  const auto folder = fs::path(work.path()) / "photos";
  make_folder(folder, 300);
  const auto said = said_by("page.cjs",
                            server.address() + ' ' + server.token() + ' ' + folder.string() + ' ' +
                                (work / "all.zip"),
                            work);
  CHECK(said == "Convert 300 pictures to WebP\n300 of 300 converted\n");
  REQUIRE(std::system(("unzip -qq " + (work / "all.zip") + " -d " + (work / "home")).c_str()) == 0);
  const auto made = run_darkroom(
      {"convert", folder.string(), "-o", work / "reference", "--to", "webp", "-q", "80"},
      work.path());
  REQUIRE(made.code == 0);
  const auto reference = pictures_below(work / "reference");
  CHECK(reference.size() == 300);
  CHECK((pictures_below(work / "home/photos") == reference));
}

TEST_CASE("the server is killed while the page sends and while it converts: the page goes on") {
  if (!has_browser()) SKIP("node, chromium or playwright-core is not installed");
  const scratch data, work;
  const std::vector<std::string> one_slot{"--set", "work.slots=1"};
  auto server = std::make_unique<served>(data.path(), one_slot);
  const auto token = server->token();
  const auto listen = server->address().substr(7); // the address is all that the page has
  const auto folder = fs::path(work.path()) / "photos";
  make_folder(folder, 399);
  // It runs first and takes seconds: so the page cannot miss that the batch runs.
  std::ofstream(folder / "large.png", std::ios::binary)
      << encoded("png", gradient(codecs::pixel_layout::rgb, 4'000, 3'000));
  const auto line =
      command_of("page_restart.cjs",
                 server->address() + ' ' + token + ' ' + folder.string() + " 400", work) +
      "; echo $? > " + (work / "code");
  REQUIRE(std::system(("(" + line + ") &").c_str()) == 0);
  const auto says = [&](const char* word) {
    return comes_true([&] { return content_of(work / "out").find(word) != std::string::npos; },
                      std::chrono::seconds(120));
  };
  const auto restart = [&] {
    server->running().signal_group(SIGKILL);
    server->running().wait();
    auto settings = one_slot;
    settings.insert(settings.end(), {"--listen", listen});
    server = std::make_unique<served>(data.path(), settings);
  };
  const bool sending = says("sending");
  if (sending) restart();
  const bool converting = says("converting");
  if (converting) restart();
  const bool ended =
      comes_true([&] { return fs::exists(work / "code"); }, std::chrono::seconds(240));
  INFO(content_of(work / "err"));
  CHECK(sending);
  CHECK(converting);
  REQUIRE(ended);
  const auto told = content_of(work / "out");
  INFO(told);
  CHECK(told.find("400 of 400 converted") != std::string::npos);
  CHECK(told.find(" 0 twice, 1 loads") != std::string::npos);
}

TEST_CASE("what breaks off, or was answered by something else, is asked for again by the page") {
  if (!has_browser()) SKIP("node, chromium or playwright-core is not installed");
  const std::string kind = GENERATE("cut", "bad_gateway", "sign_in");
  CAPTURE(kind);
  const scratch data, work;
  served server(data.path());
  const auto folder = fs::path(work.path()) / "photos";
  make_folder(folder, 9);
  const auto said =
      said_by("page_cut.cjs",
              kind + ' ' + server.address() + ' ' + server.token() + ' ' + folder.string(), work);
  CHECK(said == "9 of 9 converted\n9 uploads\n1 batch\n");
}

TEST_CASE("nobody sees another user's batches on the page; the admin sees all") {
  if (!has_browser()) SKIP("node, chromium or playwright-core is not installed");
  const scratch data, work;
  served server(data.path());
  const auto folder = fs::path(work.path()) / "photos";
  make_folder(folder, 3);
  const auto said =
      said_by("page_users.cjs",
              server.address() + ' ' + server.token() + ' ' + token_of(server, "ann", "user") +
                  ' ' + token_of(server, "ben", "user") + ' ' + folder.string(),
              work);
  CHECK(said ==
        "Ann sees of Ann\n"
        "Ben sees of Ben\n"
        "the admin sees of Ann, of Ben\n"
        "This batch belongs to somebody else. Ask its owner or an administrator to send you "
        "the results.\n");
}

TEST_CASE("the page is for everybody: by keyboard, for screen readers, narrow and enlarged") {
  if (!has_browser()) SKIP("node, chromium or playwright-core is not installed");
  const scratch data, work;
  served server(data.path());
  const auto folder = fs::path(work.path()) / "photos";
  make_folder(folder, 12);
  const auto said = said_by("page_access.cjs",
                            server.address() + ' ' + server.token() + ' ' + folder.string() + ' ' +
                                (work / "all.zip"),
                            work);
  CHECK(said == "by keyboard: done\n");
  // The folder's tree came through the picker too.
  REQUIRE(std::system(("unzip -qq " + (work / "all.zip") + " -d " + (work / "home")).c_str()) == 0);
  const auto home = pictures_below(work / "home/photos");
  CHECK(home.size() == 12);
  CHECK(home.contains("part 1/b/ä/f1.webp"));
}

TEST_CASE("what the page says, and what can be done then") {
  if (!has_browser()) SKIP("node, chromium or playwright-core is not installed");
  struct row {
    const char* name;
    std::vector<std::string> settings;
    std::string said;
  };
  const auto set = [](const std::string& what) { return std::vector<std::string>{"--set", what}; };
  const auto [name, settings, wanted] = GENERATE_COPY(values<row>({
      {"control", set("work.slots=1"), "quality 80, priority 9, tags one,two\n"},
      {"typed", set("work.slots=1"), "one,two,three, one, two, three\n"},
      {"filters", set("work.slots=1"), R"({"rows":1,"scrolls":true,"wide":false})"},
      {"retry", {}, "The picture is cut off. Drop a whole copy."},
      {"expiry", set("work.slots=1"), "done\n"},
      {"offline", set("work.slots=1"), "done\n"},
      {"quota", set("quota.live_batches=1"), "done\n"},
      {"large", set("work.input_bytes_max=300000"), "photos/large.png: Refused: Too large: "},
      {"disk", set("data.disk_floor_bytes=1000000000000000"), "told\n"},
      {"workers", set("work.here=false"), "told\n"},
      {"unreachable", {}, "there\n"},
      {"given_up", {}, "0 batches\n"},
      {"waits", {}, "told\n"},
  }));
  CAPTURE(name);
  const scratch data, work;
  const auto folder = fs::path(work.path()) / "photos";
  const std::string_view which = name;
  if (which == "control" || which == "typed" || which == "expiry" || which == "offline" ||
      which == "filters")
    make_slow_folder(folder, 40);
  else
    make_folder(folder, 5);
  if (which == "retry" || which == "filters") {
    auto damaged = encoded("jpeg", noise(codecs::pixel_layout::rgb, 300, 200));
    damaged.resize(700);
    std::ofstream(folder / "damaged.jpg", std::ios::binary) << damaged;
  }
  if (which == "large")
    std::ofstream(folder / "large.png", std::ios::binary)
        << encoded("png", noise(codecs::pixel_layout::rgb, 500, 400));
  auto arguments = settings;
  if (which == "workers") {
    REQUIRE(run_darkroom({"cluster", "init", "--dir", work / "cluster", "--host", "127.0.0.1"},
                         work.path())
                .code == 0);
    arguments.insert(arguments.end(), {"--set", "cluster.dir=" + (work / "cluster"), "--set",
                                       "cluster.listen=127.0.0.1:0"});
  }
  served server(data.path(), arguments);
  const auto another = which == "expiry" ? token_of(server, "admin", "admin") : std::string{"-"};
  const auto said = said_by("page_words.cjs",
                            std::string{which} + ' ' + server.address() + ' ' + server.token() +
                                ' ' + folder.string() + ' ' + another,
                            work);
  CHECK(said.substr(0, wanted.size()) == wanted);
}

TEST_CASE("pictures are pasted, also two of one name, and a text is none") {
  if (!has_browser()) SKIP("node, chromium or playwright-core is not installed");
  const scratch data, work;
  served server(data.path());
  std::ofstream(work / "one.png", std::ios::binary)
      << encoded("png", gradient(codecs::pixel_layout::rgb, 60, 40));
  const auto said = said_by(
      "page_paste.cjs", server.address() + ' ' + server.token() + ' ' + (work / "one.png"), work);
  CHECK(said == "image-2.png, image.png\nimage.png\n");
}

TEST_CASE("the page is mirrored where people write from right to left") {
  if (!has_browser()) SKIP("node, chromium or playwright-core is not installed");
  const scratch data, work;
  served server(data.path());
  const auto folder = fs::path(work.path()) / "photos";
  make_folder(folder, 12);
  const auto said = said_by("page_rtl.cjs",
                            server.address() + ' ' + server.token() + ' ' + folder.string(), work);
  CHECK(said == "mirrored\n");
}

TEST_CASE("a laptop sleeps while a batch runs: the page shows the right end when it wakes") {
  if (!has_browser()) SKIP("node, chromium or playwright-core is not installed");
  const scratch data, work;
  served server(data.path(), {"--set", "work.slots=1", "--set", "feed.idle_s=5"});
  const auto folder = fs::path(work.path()) / "photos";
  make_slow_folder(folder, 40);
  const auto said =
      said_by("page_sleep.cjs",
              server.address() + ' ' + server.token() + ' ' + folder.string() + " 6000", work);
  CHECK(said == "40 of 40 converted, true, 1 load\n");
}

TEST_CASE("behind nginx with TLS and a sign-in of its own, the page is the same") {
  if (!has_browser()) SKIP("node, chromium or playwright-core is not installed");
  if (!has(DARKROOM_SOURCE_DIR "/build/nginx/usr/sbin/nginx")) SKIP("nginx is not installed");
  const scratch data, work, proxy_files;
  served server(data.path(), {"--set", "auth.proxy_header=X-User", "--set",
                              "auth.trusted_proxies=127.0.0.1/32"});
  const nginx proxy(proxy_files, server.address());
  const auto folder = fs::path(work.path()) / "photos";
  make_folder(folder, 30);
  const auto said = said_by(
      "page_proxy.cjs", proxy.address() + ' ' + folder.string() + ' ' + (work / "all.zip"), work);
  CHECK(said == "ann, 1 socket, wss:\n30 of 30 converted\n");
  REQUIRE(std::system(("unzip -qq " + (work / "all.zip") + " -d " + (work / "home")).c_str()) == 0);
  CHECK(pictures_below(work / "home/photos").size() == 30);
}

TEST_CASE("in Firefox, pictures are sent, shown as a sample, converted and taken home") {
  if (!has_browser() || !fs::exists(std::string{npm_folder} + "/puppeteer-core"))
    SKIP("node or puppeteer-core is not installed");
  if (!has("/usr/bin/firefox-esr")) SKIP("firefox-esr is not installed");
  const scratch data, work;
  served server(data.path());
  const auto folder = fs::path(work.path()) / "photos";
  make_folder(folder, 12);
  fs::create_directories(work / "home");
  const auto said = said_by("page_firefox.cjs",
                            server.address() + ' ' + server.token() + ' ' + folder.string() + ' ' +
                                (work / "home"),
                            work);
  CHECK(said == "Convert 12 pictures to WebP\n12 of 12 converted\n");
  REQUIRE(std::system(
              ("unzip -qq " + (work / "home/all.zip") + " -d " + (work / "home")).c_str()) == 0);
  CHECK(pictures_below(work / "home").size() == 12);
}
