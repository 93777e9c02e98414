// A copy that is made while the server works is whole, whatever breaks it off.
#include "persistence/limits.hpp"
#include "restartable_server.hpp"
#include "tests/codecs/pictures.hpp"

#include <csignal>
#include <fstream>

using namespace darkroom;
using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

using std::chrono::milliseconds;

struct working_server : restartable_server {
  // A running batch of so many different pictures.
  std::string submit(std::uint32_t files) {
    const auto picture = encoded("png", noise(codecs::pixel_layout::rgb, 120, 120));
    std::vector<std::string> contents;
    for (std::uint32_t i = 0; i < files; ++i)
      contents.push_back(picture + std::to_string(++made_));
    const auto id = draft(contents, "webp", ".png");
    start(id);
    return id;
  }
  ended back_up(const std::vector<std::string>& options = {}) {
    std::vector<std::string> words{"backup",           folder / "backup", "--server",
                                   server().address(), "--token",         token()};
    words.insert(words.end(), options.begin(), options.end());
    return run_darkroom(words, folder.path());
  }
  // What the copy restores to is whole; returns its events.
  std::string restored(const std::string& to) {
    const auto made = run_darkroom({"restore", "backup", "--data", to}, folder.path());
    INFO(made.err);
    REQUIRE(made.code == 0);
    const auto checked = run_darkroom({"fsck", to}, folder.path());
    INFO(checked.out << checked.err);
    CHECK(checked.code == 0);
    return run_darkroom({"journal", "dump", to}, folder.path()).out;
  }

private:
  std::size_t made_ = 0;
};

void change_byte(const fs::path& file, std::streamoff at) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(at);
  const auto byte = stream.get();
  stream.seekp(at);
  stream.put(static_cast<char>(byte ^ 0x40));
  REQUIRE(stream.flush());
}

} // namespace

TEST_CASE("a working server is copied, again and again, and each copy is whole") {
  working_server w;
  std::string before;
  for (int round = 0; round < 3; ++round) {
    const auto id = w.submit(30);
    const auto end = w.back_up(); // while it converts
    INFO(end.err);
    REQUIRE(end.code == 0);
    const auto events = w.restored("restored" + std::to_string(round));
    CHECK(events.find(id) != std::string::npos);
    CHECK(events.size() > before.size());
    before = events;
    auto http = w.client();
    REQUIRE(http.send("DELETE", "/v1/batches/" + id + "?cancel=true").status == 202);
    w.submit(5); // stays
  }
}

TEST_CASE("a restored copy goes on as a server, and nothing is written over data that are there") {
  working_server w;
  const auto id = w.submit(40);
  REQUIRE(w.back_up().code == 0);
  w.restored("new");
  CHECK(run_darkroom({"restore", "backup", "--data", "new"}, w.folder.path()).code == 1);
  app::server_process again({DARKROOM_BINARY,
                             w.folder / "new",
                             w.folder / "log2",
                             {"--set", "data.disk_floor_bytes=0"},
                             {}});
  REQUIRE(again.wait_until_it_serves(milliseconds(60'000)));
  app::http_client http({again.address(), w.token()});
  CHECK(comes_true([&] {
    const auto reply = http.send("GET", "/v1/batches/" + id, {}, {"Prefer: wait=5"});
    return app::text_of(app::parsed(reply.body), "state") == "completed";
  }));
}

TEST_CASE("a folder that nobody has made one for backups is not written to") {
  working_server w;
  auto http = w.client();
  fs::create_directories(w.folder / "other");
  for (const auto& [folder, status] : {std::pair<std::string, long>{w.folder / "other", 409},
                                       {w.folder / "absent", 409},
                                       {"relative", 422}}) {
    const auto reply =
        http.send("POST", "/v1/admin/backup", R"({"directory":")" + folder + R"("})");
    INFO(reply.body);
    CHECK(reply.status == status);
  }
  CHECK(fs::is_empty(w.folder / "other"));
  CHECK(app::text_of(app::parsed(http.send("GET", "/v1/admin/backup").body), "state") == "none");
}

TEST_CASE(
    "a server that dies in the middle of a backup leaves nothing that the next one trips over") {
  skip_under_sanitizers();
  working_server w;
  const auto first = w.submit(30);
  REQUIRE(w.back_up().code == 0);
  std::size_t deaths = 0, round = 0;
  for (const auto* rule : {"write@*/backup/journal/*=kill#2", "rename@*/backup/journal/*=killed#1",
                           "write@*/backup/blobs/*=kill#3", "rename@*/backup/blobs/*=killed#5",
                           "sync@*/backup/blobs/*=kill#4"}) {
    INFO(rule);
    w.restart(faulty(rule));
    REQUIRE(w.serves());
    CHECK(w.back_up().code != 0);
    deaths += w.server().wait(milliseconds(10'000)) == 128 + SIGKILL;
    w.restart();
    REQUIRE(w.serves());
    // What was there before is there still.
    CHECK(w.restored("old" + std::to_string(++round)).find(first) != std::string::npos);
    w.submit(3);
  }
  CHECK(deaths == 5);
  REQUIRE(w.back_up().code == 0);
  w.restored("new");
}

TEST_CASE("damage in a backup is found and mended, whichever blob has it") {
  working_server w;
  w.submit(20);
  REQUIRE(w.back_up().code == 0);
  const auto fsck = [&w](const char* option) {
    return run_darkroom({"fsck", w.folder / "backup", option}, w.folder.path());
  };
  const auto whole = fsck("--quick");
  INFO(whole.out << whole.err);
  REQUIRE(whole.code == 0);
  std::vector<fs::path> blobs;
  for (const auto& entry : fs::recursive_directory_iterator(w.folder / "backup/blobs"))
    if (entry.is_regular_file()) blobs.push_back(entry.path());
  REQUIRE(blobs.size() >= 20);
  const auto damage = [&](std::size_t from, std::size_t to) {
    for (auto i = from; i < to; ++i)
      change_byte(blobs[i], 9);
  };

  SECTION("all of it is read when that is asked for") {
    damage(0, 5);
    CHECK(fsck("--quick").code == 0); // the sizes are right
    const auto found = run_darkroom({"fsck", w.folder / "backup"}, w.folder.path());
    CHECK(found.code == 2);
    CHECK(found.out.find("are damaged") != std::string::npos);
    CHECK(fsck("--repair").code == 1);
    const auto mended = w.back_up({"--verify"});
    INFO(mended.err);
    CHECK(mended.code == 0);
    CHECK(mended.out.find("5 that were damaged replaced") != std::string::npos);
  }
  SECTION("a part of it is read each time, and all of it in sixteen") {
    damage(0, blobs.size());
    std::size_t verified = 0;
    for (unsigned run = 0; run < 256 / limits::backup_verified_folders; ++run) {
      const auto end = w.back_up();
      INFO(end.err);
      REQUIRE(end.code == 0);
      verified += end.out.find("verified") != std::string::npos;
    }
    CHECK(verified > 1);
  }
  SECTION("what is missing or has another size is replaced at once") {
    fs::remove(blobs[0]);
    fs::resize_file(blobs[1], 10);
    CHECK(fsck("--quick").code == 2);
    const auto end = w.back_up();
    CHECK(end.code == 0);
    CHECK(end.out.find("damaged replaced") != std::string::npos);
  }
  CHECK(run_darkroom({"fsck", w.folder / "backup"}, w.folder.path()).code == 0);
  w.restored("new");
}

TEST_CASE("a backup with a damaged journal is not made again over it, and says what to do") {
  working_server w;
  w.submit(5);
  REQUIRE(w.back_up().code == 0);
  for (const auto& entry : fs::recursive_directory_iterator(w.folder / "backup/journal"))
    if (entry.path().extension() == ".sst") change_byte(entry.path(), 20);
  CHECK(run_darkroom({"fsck", w.folder / "backup"}, w.folder.path()).code == 2);
  const auto end = w.back_up();
  CHECK(end.code != 0);
  CHECK(end.err.find("remove " + (w.folder / "backup/journal")) != std::string::npos);
  fs::remove_all(w.folder / "backup/journal");
  REQUIRE(w.back_up().code == 0);
  w.restored("new");
}

TEST_CASE("a backup is not taken for the data of a server") {
  const scratch folder;
  const auto backup = folder / "backup";
  fs::create_directories(backup + "/journal");
  folder.write("backup/darkroom-backup", "1\n");
  const auto served =
      run_darkroom({"serve", "--data", backup, "--listen", "127.0.0.1:0"}, folder.path());
  CHECK(served.code != 0);
  CHECK(served.err.find("is a backup") != std::string::npos);
  const auto checked = run_darkroom({"fsck", backup}, folder.path());
  CHECK(checked.code == 2);
  CHECK(checked.err.find("no whole backup") != std::string::npos);
  CHECK(fs::is_empty(backup + "/journal"));
}
