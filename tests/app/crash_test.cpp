// Whatever ends a run, the same command finishes it.
#include "persistence/journal_store.hpp"
#include "process.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>

#include <csignal>
#include <map>
#include <random>
#include <sys/stat.h>

using namespace darkroom;
using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

constexpr int pictures = 40;

// Pictures that take long enough for a run to be ended in the middle.
struct slow_folder : scratch {
  slow_folder() {
    const auto file = encoded("png", noise(codecs::pixel_layout::rgb, 400, 400), {}, {.effort = 0});
    for (int i = 0; i < pictures; ++i)
      write("in/p" + std::to_string(i) + ".png", file);
  }
  std::vector<std::string> command() const {
    return {"convert", "in", "-o", "out", "--to", "webp", "--effort", "5", "--json"};
  }
  std::map<std::string, std::string> outputs(const std::string& below) const {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(*this / below))
      if (entry.is_regular_file() && entry.path().string().find("/.darkroom/") == std::string::npos)
        found[entry.path().lexically_relative(*this / below).string()] = content_of(entry.path());
    return found;
  }
  void check_whole() const {
    const auto end = run_darkroom(command(), path());
    CHECK(end.code == 0);
    REQUIRE(run_darkroom(
                {"convert", "in", "-o", "reference", "--to", "webp", "--effort", "5", "--quiet"},
                path())
                .code == 0);
    const auto ours = outputs("out");
    CHECK(ours.size() == pictures);
    CHECK(ours == outputs("reference"));
    const auto verify = run_darkroom({"journal", "verify", "out"}, path());
    INFO(verify.out);
    CHECK(verify.code == 0);
  }
};

std::size_t completed(const process& p) {
  const auto text = p.out();
  std::size_t count = 0;
  for (auto at = text.find("file_completed"); at != std::string::npos;
       at = text.find("file_completed", at + 1))
    ++count;
  return count;
}

} // namespace

TEST_CASE("killed again and again, a run is finished by the same command") {
  slow_folder f;
  std::mt19937 dice(5);
  for (int round = 0; round < 5; ++round) {
    process run(f.command(), f.path());
    const std::size_t enough = 1 + dice() % 5;
    comes_true([&] { return completed(run) >= enough || !run.running(); });
    const auto hosts = descendants(run.pid(), "darkroom-host");
    run.signal_group(SIGKILL);
    run.wait();
    for (const auto host : hosts)
      CHECK(comes_true([&] { return ::kill(host, 0) != 0; })); // they die with their parent
  }
  f.check_whole();
}

TEST_CASE("Ctrl-C gives back what runs; the same command goes on") {
  slow_folder f;
  process run(f.command(), f.path());
  REQUIRE(comes_true([&] { return completed(run) >= 3; }));
  run.signal(SIGINT);
  const auto end = run.wait();
  CHECK(end.code == 4);
  CHECK(end.err.find("interrupted: the same command goes on from here") != std::string::npos);
  CHECK(end.out.find("file_interrupted") != std::string::npos);
  for (const auto& [name, content] : f.outputs("out"))
    CHECK(name.ends_with(".webp"));
  f.check_whole();
}

TEST_CASE("a second signal ends at once") {
  slow_folder f;
  process run(f.command(), f.path());
  REQUIRE(comes_true([&] { return completed(run) >= 1; }));
  run.signal(SIGTERM);
  run.signal(SIGTERM);
  CHECK(run.wait().code == 4);
  f.check_whole();
}

TEST_CASE("a codec host that is killed from outside costs its file no attempt") {
  slow_folder f;
  process run(f.command(), f.path());
  REQUIRE(comes_true([&] { return completed(run) >= 2; }));
  const auto hosts = descendants(run.pid(), "darkroom-host");
  REQUIRE_FALSE(hosts.empty());
  for (const auto host : hosts)
    ::kill(host, SIGKILL);
  const auto end = run.wait();
  CHECK(end.code == 0);
  CHECK(end.out.find("\"cause\":\"host_killed\"") != std::string::npos);
  CHECK(end.out.find("\"reason\":\"crashed\"") == std::string::npos);
  f.check_whole();
}

TEST_CASE("a second run into the same folder is refused") {
  slow_folder f;
  process run(f.command(), f.path());
  REQUIRE(comes_true([&] { return completed(run) >= 1; }));
  scratch elsewhere;
  const auto second =
      run_darkroom({"convert", f / "in", "-o", f / "out", "--to", "webp"}, elsewhere.path());
  CHECK(second.code == 75);
  CHECK(second.err.find("another run is writing to") != std::string::npos);
  CHECK(run.wait().code == 0);
}

TEST_CASE("a run that ended before it had begun is begun by the same command") {
  slow_folder f;
  // What a run leaves that is killed between adding its files and starting.
  domain::batch_state state;
  domain::create_batch create;
  create.owner = "local";
  create.spec.outputs.push_back({.format = "webp", .effort = 5});
  domain::add_files add;
  for (const auto& [name, content] : f.outputs("in")) {
    const auto source = fs::canonical(f / ("in/" + name)).string();
    struct stat about{};
    REQUIRE(::stat(source.c_str(), &about) == 0);
    add.entries.push_back({name,
                           source,
                           content.size(),
                           about.st_mtim.tv_sec * 1'000'000'000 + about.st_mtim.tv_nsec,
                           {name.substr(0, name.size() - 4) + ".webp"}});
  }
  {
    fs::create_directories(f / "out/.darkroom");
    auto journal = persistence::journal_store::open({f / "out/.darkroom/journal", nullptr});
    REQUIRE(journal);
    for (const domain::command& c : {domain::command{create}, domain::command{add}}) {
      auto events = domain::execute(state, c);
      REQUIRE(events);
      persistence::append_request request{{{7}}, 1, *events, {}, nullptr};
      request.summary.owner = state.owner;
      request.summary.phase = state.phase;
      request.summary.spec = state.spec;
      request.summary.counts = state.counts;
      REQUIRE((*journal)->append(std::span(&request, 1), true));
    }
  }
  f.check_whole();
  CHECK(run_darkroom({"journal", "dump", "out"}, f.path()).out.find("batch_cancelled") ==
        std::string::npos);
}

TEST_CASE("a run that is replaced by another one is cancelled, and leaves no stray file") {
  slow_folder f;
  {
    process run(f.command(), f.path());
    REQUIRE(comes_true([&] { return completed(run) >= 2; }));
    run.signal_group(SIGKILL);
    run.wait();
  }
  fs::remove(f / "in/p39.png"); // other files: another batch
  const auto end = run_darkroom(f.command(), f.path());
  CHECK(end.code == 0);
  CHECK(f.outputs("out").size() == pictures - 1);
  CHECK(run_darkroom({"journal", "verify", "out"}, f.path()).code == 0);
}
