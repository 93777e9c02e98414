// The crash test of the whole product with workers: server and workers are killed at random, and
// what was acknowledged is there afterwards, once.
#include "site.hpp"
#include "tests/faults/trial.hpp"

#include <csignal>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

// Workers beside a server that comes and goes, at the address that it has each time.
class crowd {
public:
  crowd(const scratch& folder, int count) : folder_(folder) {
    const auto made = run_darkroom({"cluster", "init", "--dir", authority(), "--host", "127.0.0.1"},
                                   folder.path());
    INFO(made.err);
    REQUIRE(made.code == 0);
    for (int i = 0; i < count; ++i) {
      const auto name = "w" + std::to_string(i);
      REQUIRE(run_darkroom({"cluster", "issue", name, "--dir", authority(), "--out", identity(i)},
                           folder.path())
                  .code == 0);
      start(i);
    }
  }
  std::string authority() const { return folder_ / "authority"; }

  // Kills one of them: its process for the link, or all of it; or lets it stand for a while.
  void harm(std::uint32_t dice) {
    const auto which = static_cast<int>(dice % workers_.size());
    auto& worker = workers_[which];
    switch (dice / 16 % 3) {
    case 0:
      worker->signal_group(SIGKILL);
      worker->wait(std::chrono::seconds(10));
      start(which);
      parents_ += 1;
      return;
    case 1:
      for (const auto& [pid, row] : app::all_processes())
        if (row.parent == worker->pid()) ::kill(pid, SIGKILL);
      sessions_ += 1;
      return;
    default:
      for (const auto& [pid, row] : app::all_processes())
        if (row.parent == stopped_ || row.parent == worker->pid())
          ::kill(pid, row.parent == stopped_ ? SIGCONT : SIGSTOP);
      stopped_ = worker->pid();
      stops_ += 1;
    }
  }
  std::string figures() const {
    return "workers killed: " + std::to_string(parents_) + " whole, " + std::to_string(sessions_) +
           " by the process of their link; made to stand: " + std::to_string(stops_) + '\n';
  }

private:
  std::string identity(int i) const { return folder_ / ("w" + std::to_string(i) + ".pem"); }
  void start(int i) {
    workers_[i] = std::make_unique<app::child_process>(
        app::child_launch{{DARKROOM_BINARY, "worker", "--join", "127.0.0.1:7411", "--identity",
                           identity(i), "--slots", "2"},
                          app::plain_environment(),
                          "",
                          "/dev/null",
                          folder_ / ("worker" + std::to_string(i) + ".log")});
  }

  const scratch& folder_;
  std::map<int, std::unique_ptr<app::child_process>> workers_;
  pid_t stopped_ = -1; // the worker whose processes stand
  int parents_ = 0, sessions_ = 0, stops_ = 0;
};

void keeps_its_promise_with_workers(std::uint32_t cycles, std::uint32_t seed) {
  need_namespaces(); // for a port of its own
  const network own;
  const scratch folder;
  auto options = trial_options(folder, cycles, seed);
  crowd workers(folder, 3);
  options.life_ms = 4'000; // they have to join first
  options.arguments = {"--set", "cluster.dir=" + workers.authority(),
                       "--set", "cluster.listen=127.0.0.1:7411",
                       "--set", "work.here=false"};
  options.disturb = [&](std::uint32_t dice) { workers.harm(dice); };
  options.announce = [](const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  };
  const auto result = keeps_its_promise(options);
  CHECK(result.completed > 0);
  CHECK(result.crashed == 0); // nothing that ran elsewhere brought the server down
  std::printf("%s", workers.figures().c_str());
}

} // namespace

TEST_CASE("server and workers are killed at random, and nothing acknowledged is lost") {
  keeps_its_promise_with_workers(6, 1);
}

TEST_CASE("full: server and workers are killed a hundred times", "[.full]") {
  keeps_its_promise_with_workers(100, 2);
}
