// `darkroom doctor`: whether this machine and this disk keep what Darkroom promises on them.
#include "app/cgroup.hpp"
#include "app/commands.hpp"
#include "app/crash_test/crash_test.hpp"
#include "app/exit_code.hpp"
#include "app/isolation_text.hpp"
#include "app/memory_budget.hpp"
#include "app/process_setup.hpp"
#include "base/units.hpp"
#include "codecs/host/codec_host.hpp"
#include "codecs/host/sandbox.hpp"
#include "persistence/files.hpp"

#include <CLI/CLI.hpp>

#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <random>
#include <system_error>
#include <unistd.h>

namespace darkroom::app {

namespace {

namespace fs = std::filesystem;

// A folder of its own, gone afterwards unless it shows what went wrong.
class work_folder {
public:
  explicit work_folder(const std::string& below) : path_(below + "/darkroom-doctor-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~work_folder() {
    std::error_code ignored;
    if (!kept_ && !path_.empty()) fs::remove_all(path_, ignored);
  }
  work_folder(const work_folder&) = delete;
  work_folder& operator=(const work_folder&) = delete;
  const std::string& path() const { return path_; }
  void keep() { kept_ = true; }

private:
  std::string path_;
  bool kept_ = false;
};

bool say(const char* what, bool ok, const std::string& detail) {
  std::printf("%-28s %s%s%s\n", what, ok ? "ok" : "WRONG", detail.empty() ? "" : ": ",
              detail.c_str());
  return ok;
}

// Not a fault: a host that lacks some layers converts behind those that are left.
void tell_isolation(codecs::host::isolation_layers missing) {
  const auto lacking = missing_layers_text(missing);
  std::printf("%-28s %s%s\n", "isolation of codec hosts",
              lacking.empty() ? "ok" : "reduced: hosts run without ", lacking.c_str());
  std::printf("%-28s %s\n", "  active layers", active_layers_text(missing).c_str());
}

// What a server with default settings would find, and say when it starts.
bool check_environment() {
  const auto cores = usable_cores();
  const auto means = prepare_process(needs_of_server({}, cores));
  std::printf("%-28s %zu cores, %" PRIu64 " MiB of memory\n", "to be used", cores,
              default_memory_budget() / limits::MiB);
  if (!means) return say("environment of a server", false, means.error());
  say("environment of a server", true, "");
  for (const auto& warning : means->warnings)
    std::printf("%-28s %s\n", "  warning", warning.c_str());
  return true;
}

// Names must not be replaced, and syncs must be possible.
std::string fault_of_disk(const std::string& folder) {
  const auto a = folder + "/a", b = folder + "/b";
  for (const auto& path : {a, b}) {
    const auto source = persistence::open_for_reading("/proc/self/exe");
    if (!source) return source.error().text();
    if (auto ok = persistence::write_synced(source->get(), path); !ok) return ok.error().text();
  }
  const auto refused = persistence::rename_file(a, b, false);
  if (refused) return "renaming replaces what is there, which was not asked for";
  if (refused.error().code != EEXIST) return refused.error().text();
  if (auto ok = persistence::sync_directory(folder); !ok) return ok.error().text();
  return "";
}

std::string own_binary() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).string();
}

int run_cycles(const doctor_options& options, work_folder& folder) {
  crash_test_options test;
  test.directory = folder.path();
  test.binary = own_binary();
  test.cycles = options.crash_cycles;
  test.seed = options.seed != 0 ? options.seed : std::random_device{}();
  test.users = options.crash_users;
  test.images = options.images;
  test.check_every = options.check_every;
  test.environment = options.environment;
  test.announce = [](const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  };
  std::printf("crash test: %u lives of a server in %s, %u users, seed %u\n", test.cycles,
              folder.path().c_str(), test.users, test.seed);
  std::fflush(stdout);
  const auto result = run_crash_test(test);
  std::printf("%s", figures_of(result).c_str());
  if (say("crash test", result.complaint.empty(), result.complaint)) return exit_all;
  folder.keep();
  std::printf(
      "its data and logs are kept in %s; --seed %u with --users %u makes the same decisions\n",
      folder.path().c_str(), test.seed, test.users);
  return exit_some_failed;
}

} // namespace

void declare(CLI::App& command, doctor_options& options) {
  command.add_option("--dir", options.directory,
                     "A folder on the disk that is meant; the default is where you are");
  command.add_option("--crash-test", options.crash_cycles,
                     "Lives of a server that is killed at random, with users who do everything");
  command.add_option("--seed", options.seed, "Of the crash test's decisions");
  command.add_option("--users", options.crash_users, "Users of the crash test")
      ->check(CLI::Range(1, 100));
  command
      .add_option("--check-every", options.check_every, "Cycles between two checks of everything")
      ->check(CLI::PositiveNumber);
  command.add_option("--images", options.images,
                     "Files to convert instead of pictures that it makes");
  command.add_option("--server-env", options.environment, "NAME=VALUE for the servers it starts");
}

int run_doctor(const doctor_options& options, codecs::host::zygote& hosts) {
  const auto test = codecs::host::self_test(hosts);
  bool ok = say("codec hosts and their walls", test.has_value(), test ? "" : test.error());
  if (test) tell_isolation(hosts.missing_layers());
  ok &= check_environment();
  work_folder folder(absolute_path(options.directory));
  if (folder.path().empty())
    return complain(options.directory + " cannot be written to", exit_usage);
  const auto fault = fault_of_disk(folder.path());
  ok &= say("names and syncs on this disk", fault.empty(), fault);
  std::error_code error;
  const auto space = fs::space(folder.path(), error);
  ok &= say("room on this disk", !error && space.available > 512 * limits::MiB,
            std::to_string(space.available / limits::MiB) + " MiB");
  if (options.crash_cycles == 0 || !ok) return ok ? exit_all : exit_some_failed;
  return run_cycles(options, folder);
}

} // namespace darkroom::app
