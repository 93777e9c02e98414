// The page, in Debian's Chromium, as people use it.
#include "served.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

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

} // namespace

TEST_CASE("a folder is dropped, converted and taken home: what `convert` makes, in the same tree") {
  if (!has_browser()) SKIP("node, chromium or playwright-core is not installed");
  const scratch data, work;
  served server(data.path());
  const auto folder = fs::path(work.path()) / "photos";
  make_folder(folder, 300);
  const auto code = std::system(command_of("page.cjs",
                                           server.address() + ' ' + server.token() + ' ' +
                                               folder.string() + ' ' + (work / "all.zip"),
                                           work)
                                    .c_str());
  INFO(content_of(work / "err"));
  REQUIRE(code == 0);
  CHECK(content_of(work / "out") == "Convert 300 pictures to WebP\n300 of 300 converted\n");
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
  auto server = std::make_unique<served>(data.path());
  const auto token = server->token();
  const auto listen = server->address().substr(7); // the address is all that the page has
  const auto folder = fs::path(work.path()) / "photos";
  make_folder(folder, 400);
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
    server = std::make_unique<served>(data.path(), std::vector<std::string>{"--listen", listen});
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
