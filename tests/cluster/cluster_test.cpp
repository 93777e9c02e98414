// Other machines share the work: what they make is what one machine makes, whatever of them dies.
#include "site.hpp"

#include "persistence/digest.hpp"
#include "persistence/files.hpp"

#include <algorithm>
#include <csignal>

using namespace darkroom;
using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

// Real photos, where there are some; else pictures.
std::vector<std::string> photos(std::size_t count) {
  std::vector<std::string> found;
  if (const char* corpus = std::getenv("DARKROOM_CORPUS"); corpus != nullptr)
    for (const auto& entry : fs::directory_iterator(std::string{corpus} + "/photos"))
      found.push_back(content_of(entry.path()));
  if (found.empty()) return pictures(count);
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i)
    all.push_back(found[i % found.size()] + std::string(1 + i / found.size(), '\0'));
  return all;
}

// What `darkroom convert` makes of the same files: "name sha256", sorted.
std::vector<std::string> made_locally(const std::vector<std::string>& contents,
                                      const std::string& ending) {
  const scratch folder;
  for (std::size_t i = 0; i < contents.size(); ++i)
    folder.write("in/" + std::to_string(i) + ending, contents[i]);
  const auto done = run_darkroom({"convert", "in", "-o", "out", "--to", "webp"}, folder.path(),
                                 std::chrono::seconds(600));
  INFO(done.err);
  REQUIRE(done.code == 0);
  std::vector<std::string> all;
  for (std::size_t i = 0; i < contents.size(); ++i) {
    const auto file =
        persistence::open_for_reading(folder / ("out/" + std::to_string(i) + ".webp"));
    REQUIRE(file);
    all.push_back(std::to_string(i) + ending + ' ' +
                  persistence::to_hex(persistence::sums_of(file->get())->sha256));
  }
  std::ranges::sort(all);
  return all;
}

// Waits until a worker has begun with something.
void until_busy(site& s, const std::string& name) {
  REQUIRE(comes_true([&] {
    const auto node = s.node(name);
    return app::number_of(node, "leases") > 0 && app::number_of(node, "files_completed") > 0;
  }));
}

// Workers a and b at a batch of sixty files; returns the batch.
std::string start_two(site& s) {
  s.start_worker("a");
  s.start_worker("b");
  REQUIRE(s.comes_to("a", "active"));
  REQUIRE(s.comes_to("b", "active"));
  auto batch = s.submit(pictures(60));
  until_busy(s, "a");
  return batch;
}

void three_machines(std::size_t files) {
  site s;
  const auto contents = photos(files);
  const std::string ending = contents[0].starts_with("\x89PNG") ? ".png" : ".jpg";
  for (int i = 1; i <= 3; ++i) {
    s.wires().add_machine(i);
    s.start_worker("w" + std::to_string(i), i, {"--slots", "1"});
  }
  for (const auto* name : {"w1", "w2", "w3"})
    REQUIRE(s.comes_to(name, "active"));
  const auto batch = s.submit(contents, ending);
  REQUIRE(s.completes(batch, 600));
  CHECK(s.outputs(batch) == made_locally(contents, ending));
  for (const auto* name : {"w1", "w2", "w3"})
    CHECK(app::number_of(s.node(name), "files_completed") > 0);
  CHECK(s.node("local").empty());
}

// At least so long.
void stands_still(std::chrono::seconds time) {
  site s;
  const scratch own;
  s.start_worker("still", 0, {"--slots", "2", "--tmp", own.path()});
  s.start_worker("other");
  REQUIRE(s.comes_to("still", "active"));
  REQUIRE(s.comes_to("other", "active"));
  const auto batch = s.submit(pictures(60));
  until_busy(s, "still");
  s.worker("still").signal_group(SIGSTOP);
  const auto until = std::chrono::steady_clock::now() + time;
  CHECK(s.comes_to("still", "lost"));
  CHECK(s.completes(batch, 120));
  const auto before = s.outputs(batch);
  CHECK(before.size() == 60);
  CHECK(comes_true([&] { return std::chrono::steady_clock::now() >= until; }));
  s.worker("still").signal_group(SIGCONT);
  CHECK(s.comes_to("still", "active"));
  CHECK(s.outputs(batch) == before);
  CHECK(fs::is_empty(own.path()));
  const auto next = s.submit(pictures(4, 200)); // and it works as before
  CHECK(s.completes(next, 60));
}

} // namespace

TEST_CASE("three machines make of the files what one would") {
  three_machines(40);
}

TEST_CASE("full: three machines make of 300 photos what one would", "[.full]") {
  three_machines(300);
}

TEST_CASE("what a killed worker had is done by another, and the worker comes back") {
  site s;
  const auto batch = start_two(s);
  s.stop_worker("a");
  CHECK(s.comes_to("a", "lost"));
  until_busy(s, "b");
  ::kill(s.session_of("b"), SIGKILL); // its parent starts another one
  CHECK(s.completes(batch, 120));
  CHECK(s.outputs(batch).size() == 60);
  CHECK(s.comes_to("b", "active"));
  CHECK(app::number_of(s.node("a"), "times_lost") == 1);
  CHECK(app::number_of(s.node("b"), "times_lost") == 1);
}

TEST_CASE("a worker that stands still is given up, and nothing that it says later counts") {
  stands_still(std::chrono::seconds(0));
}

TEST_CASE("full: the same, of one that stood for half a minute", "[.full]") {
  stands_still(std::chrono::seconds(30));
}

TEST_CASE("workers outlive the server, and the batch goes on where it was") {
  site s;
  const auto batch = start_two(s);
  for (int round = 0; round < 3; ++round) {
    s.server().server().kill();
    s.server().restart();
    CHECK(s.comes_to("a", "active"));
    CHECK(s.comes_to("b", "active"));
  }
  CHECK(s.completes(batch, 120));
  CHECK(s.outputs(batch).size() == 60);
}

TEST_CASE("a worker that is asked to stop finishes what it has begun") {
  site s;
  const auto batch = start_two(s);
  s.worker("a").signal(SIGTERM);
  CHECK(s.worker("a").wait(std::chrono::seconds(30)) == 0);
  CHECK(s.completes(batch, 120));
  CHECK(s.outputs(batch).size() == 60);
}

TEST_CASE("a machine is cordoned, drained and put to work again") {
  site s(true);
  s.start_worker("a");
  REQUIRE(s.comes_to("a", "active"));
  auto http = s.server().client();
  CHECK(http.send("POST", "/v1/admin/nodes/nobody/cordon").status == 404);
  REQUIRE(http.send("POST", "/v1/admin/nodes/a/drain").status == 200);
  CHECK(s.comes_to("a", "drained"));
  const auto first = s.submit(pictures(10));
  CHECK(s.completes(first, 60));
  CHECK(app::number_of(s.node("a"), "files_completed") == 0);
  CHECK(app::number_of(s.node("local"), "files_completed") == 10);
  // It stays so for a worker that comes back.
  s.stop_worker("a");
  REQUIRE(s.comes_to("a", "lost"));
  s.start_worker("a");
  CHECK(s.comes_to("a", "drained"));
  // And for the next life of the server.
  CHECK(http.send("GET", "/metrics").body.find("darkroom_node_lost_total{node=\"a\"} 1") !=
        std::string::npos);
  s.server().restart();
  CHECK(s.comes_to("a", "drained"));
  auto again = s.server().client();
  REQUIRE(again.send("POST", "/v1/admin/nodes/a/uncordon").status == 200);
  REQUIRE(again.send("POST", "/v1/admin/nodes/local/cordon").status == 200);
  const auto second = s.submit(pictures(10));
  CHECK(s.completes(second, 60));
  CHECK(app::number_of(s.node("a"), "files_completed") == 10);
  const auto told = again.send("GET", "/v1/admin/audit").body;
  CHECK(told.find("node.drain") != std::string::npos);
  const auto metrics = again.send("GET", "/metrics").body;
  CHECK(metrics.find("darkroom_nodes{state=\"cordoned\"} 1") != std::string::npos);
  // Nobody is left to work.
  CHECK(again.send("GET", "/readyz").status == 200);
  REQUIRE(again.send("POST", "/v1/admin/nodes/a/cordon").status == 200);
  CHECK(again.send("GET", "/readyz").status == 503);
}

TEST_CASE("a pause and a cancel reach the files of other machines") {
  site s;
  s.start_worker("a");
  REQUIRE(s.comes_to("a", "active"));
  const auto batch = s.submit(pictures(200));
  until_busy(s, "a");
  auto http = s.server().client();
  REQUIRE(http.send("POST", "/v1/batches/" + batch + "/pause", R"({"mode":"interrupt"})",
                    {"Content-Type: application/json"})
              .status == 200);
  CHECK(comes_true([&] { return app::number_of(s.node("a"), "leases") == 0; }));
  const auto done = s.done_of(batch);
  CHECK(done < 200);
  REQUIRE(http.send("POST", "/v1/batches/" + batch + "/resume").status == 200);
  CHECK(comes_true([&] { return s.done_of(batch) > done; }));
  REQUIRE(http.send("POST", "/v1/batches/" + batch + "/cancel").status == 200);
  CHECK(comes_true([&] { return app::number_of(s.node("a"), "leases") == 0; }));
  const auto next = s.submit(pictures(4, 200));
  CHECK(s.completes(next, 60));
}
