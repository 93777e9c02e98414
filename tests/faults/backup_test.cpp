// A copy that is made while the server works is whole, whatever breaks it off.
#include "restartable_server.hpp"
#include "tests/codecs/pictures.hpp"

#include <csignal>

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
  ended back_up() {
    return run_darkroom(
        {"backup", folder / "backup", "--server", server().address(), "--token", token()},
        folder.path());
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
  CHECK(run_darkroom({"restore", "backup", "--data", "new"}, w.folder.path()).code == 70);
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

TEST_CASE("a backup is not taken for the data of a server") {
  const scratch folder;
  const auto backup = folder / "backup";
  fs::create_directories(backup + "/journal");
  folder.write("backup/darkroom-backup", "1\n");
  for (const auto& words : {std::vector<std::string>{"fsck", backup},
                            {"serve", "--data", backup, "--listen", "127.0.0.1:0"}}) {
    const auto end = run_darkroom(words, folder.path());
    CHECK(end.code != 0);
    CHECK(end.err.find("is a backup") != std::string::npos);
  }
  CHECK(fs::is_empty(backup + "/journal"));
}
