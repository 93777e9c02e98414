// Parts of a server's data vanish: nothing is deleted because of it, and nothing that is lost is
// acknowledged.
#include "persistence/witness_check.hpp"
#include "restartable_server.hpp"
#include "tests/codecs/pictures.hpp"

#include <boost/json.hpp>
#include <csignal>
#include <filesystem>
#include <set>

using namespace darkroom;
using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

using std::chrono::milliseconds;

std::string journal_of(const restartable_server& s) {
  return s.folder / "data/journal";
}

std::set<std::string> blobs_of(const restartable_server& s) {
  std::set<std::string> blobs;
  for (const auto& entry : fs::recursive_directory_iterator(s.folder / "data/blobs"))
    if (entry.is_regular_file() && entry.path().filename() != ".opened")
      blobs.insert(entry.path().string());
  return blobs;
}

std::string completed_batch(restartable_server& s) {
  const auto picture = [](std::uint32_t width) {
    return encoded("png", gradient(codecs::pixel_layout::rgb, width, 3));
  };
  const auto id = s.draft({picture(3), picture(4)}, "webp");
  s.start(id);
  REQUIRE(s.ends(id));
  return id;
}

void stop(restartable_server& s) {
  s.server().signal(SIGTERM);
  CHECK(s.server().wait(milliseconds(30'000)) == 0);
}

void delete_logs(const restartable_server& s) {
  std::vector<fs::path> logs;
  for (const auto& entry : fs::directory_iterator(journal_of(s)))
    if (entry.path().extension() == ".log") logs.push_back(entry.path());
  REQUIRE_FALSE(logs.empty());
  for (const auto& log : logs)
    fs::remove(log);
}

// It ends with 1, says why, and leaves everything as it is.
void check_refuses(restartable_server& s, const std::string& words) {
  const auto blobs = blobs_of(s);
  s.restart();
  CHECK(s.server().wait(milliseconds(60'000)) == 1);
  const auto said = content_of(s.folder / "log");
  INFO(said);
  CHECK(said.find(words) != std::string::npos);
  CHECK(said.find("darkroom journal accept") != std::string::npos);
  CHECK(blobs_of(s) == blobs);
  const auto fsck = run_darkroom({"fsck", s.folder / "data"}, s.folder.path());
  CHECK(fsck.code == 2);
  CHECK(fsck.err.find(words) != std::string::npos);
}

boost::json::value readiness(app::http_client& http) {
  return app::parsed(http.send("GET", "/readyz?verbose").body);
}

// The reason that /readyz gives for the journal; empty: none.
std::string journal_reason(app::http_client& http) {
  return app::text_of(app::member_of(readiness(http), "reasons"), "journal");
}

int create_status(app::http_client& http) {
  return http.send("POST", "/v1/batches", R"({"spec":{"outputs":[{"format":"webp"}]}})").status;
}

} // namespace

TEST_CASE("the journal's logs are deleted beside a stopped server: the start is refused") {
  restartable_server s;
  completed_batch(s);
  stop(s);
  delete_logs(s);
  check_refuses(s, ".log is missing");
  const auto verify = run_darkroom({"journal", "verify", s.folder / "data"}, s.folder.path());
  CHECK(verify.code == 2);
  CHECK(verify.out.find(".log is missing") != std::string::npos);
  // The operator gives up what is missing.
  CHECK(run_darkroom({"journal", "accept", s.folder / "data"}, s.folder.path()).code == 0);
  s.restart();
  CHECK(s.serves());
}

TEST_CASE("the journal's logs are deleted beside a running server: 503, and no start after it") {
  restartable_server s;
  completed_batch(s);
  auto http = s.client();
  delete_logs(s);
  CHECK(comes_true([&] { return http.send("GET", "/readyz").status == 503; }));
  CHECK(create_status(http) == 503);
  CHECK(journal_reason(http).find(".log was moved or removed") != std::string::npos);
  s.server().signal(SIGTERM);
  CHECK(s.server().wait(milliseconds(60'000)) >= 0);
  check_refuses(s, ".log is missing");
}

TEST_CASE("a folder of the data is moved away beside a running server, and back") {
  restartable_server s;
  completed_batch(s);
  auto http = s.client();
  for (const auto& folder : {journal_of(s), s.folder / "data/blobs", s.folder / "data"}) {
    INFO(folder);
    fs::rename(folder, folder + ".away");
    CHECK(comes_true([&] { return journal_reason(http) == folder + " was moved or removed"; }));
    CHECK(http.send("GET", "/readyz").status == 503);
    CHECK(create_status(http) == 503);
    fs::rename(folder + ".away", folder);
    CHECK(comes_true([&] { return http.send("GET", "/readyz").status == 200; }));
    completed_batch(s);
  }
}

TEST_CASE("the journal is removed beside a running server: 503, and no start after it") {
  restartable_server s;
  completed_batch(s);
  auto http = s.client();
  fs::remove_all(journal_of(s));
  CHECK(comes_true([&] { return http.send("GET", "/readyz").status == 503; }));
  CHECK(create_status(http) == 503);
  s.server().signal(SIGTERM);
  CHECK(s.server().wait(milliseconds(60'000)) >= 0);
  const auto blobs = blobs_of(s);
  s.restart();
  CHECK(s.server().wait(milliseconds(60'000)) == 1);
  CHECK(blobs_of(s) == blobs);
}

TEST_CASE("data of format 1 are upgraded, whatever step the server is killed at") {
  skip_under_sanitizers();
  const scratch folder;
  const auto golden = fs::path(DARKROOM_SOURCE_DIR) / "tests/data/data-format-1";
  for (const auto* call :
       {"open@*/journal.witness.part", "write@*/journal.witness.part",
        "sync@*/journal.witness.part", "rename@*/journal.witness", "write@*/journal.witness",
        "sync@*/journal.witness", "write@*/journal/MANIFEST*", "sync@*/journal/MANIFEST*",
        "rename@*/journal/CURRENT", "open@*/journal/*.log", "write@*/journal/*.log",
        "sync@*/journal/*.log", "unlink@*/journal/*.log"})
    for (const auto* action : {"kill", "killed"})
      for (const auto* time : {"1", "3"}) {
        const auto rule = std::string{call} + '=' + action + '#' + time;
        INFO(rule);
        const auto data = folder / "data";
        fs::remove_all(data);
        fs::copy(golden, data, fs::copy_options::recursive);
        fs::remove(data + "/journal.witness");
        const auto launch = [&](const std::vector<std::string>& environment) {
          return app::server_launch{DARKROOM_BINARY,
                                    data,
                                    folder / "log",
                                    {"--set", "data.disk_floor_bytes=0"},
                                    environment};
        };
        {
          app::server_process server(launch(faulty(rule)));
          if (server.wait_until_it_serves(milliseconds(60'000))) server.kill();
        }
        app::server_process again(launch({}));
        CHECK(again.wait_until_it_serves(milliseconds(60'000)));
        again.signal(SIGTERM);
        CHECK(again.wait(milliseconds(60'000)) == 0);
        const auto missing = persistence::check_witness(data + "/journal");
        REQUIRE(missing);
        CHECK(missing->empty());
        const auto verified = run_darkroom({"fsck", data}, folder.path());
        INFO(verified.out << verified.err);
        CHECK(verified.code == 0);
        CHECK(verified.out.find("2 batches") != std::string::npos);
      }
}
