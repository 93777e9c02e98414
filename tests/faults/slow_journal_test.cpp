// Every sync of the journal takes 200 ms longer: requests are slower, and nothing else is wrong.
#include "restartable_server.hpp"
#include "trial.hpp"

#include <csignal>
#include <fstream>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

std::size_t resident_kib(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6));
  return 0;
}

} // namespace

TEST_CASE("with a slow journal requests are slower, none fails, and memory stays bounded") {
  skip_under_sanitizers();
  const scratch folder;
  auto options = trial_options(folder, 4, 1);
  options.life_environment = [](std::uint32_t) { return faulty("sync@*/journal/*.log=wait200"); };
  std::size_t most_kib = 0;
  options.end_life = [&](app::server_process& server, std::atomic<bool>&) -> std::string {
    (void)server.wait(std::chrono::milliseconds(3'000)); // it goes on for a while
    if (!server.running()) return "the server died";
    most_kib = std::max(most_kib, resident_kib(server.pid()));
    server.kill();
    return "";
  };
  const auto result = keeps_its_promise(options);
  CHECK(result.counts.at("commands") > 0);
  for (const auto& [kind, n] : result.counts) {
    INFO(n << ' ' << kind);
    CHECK_FALSE(kind.starts_with("answers "));
  }
  CHECK(most_kib > 0);
  CHECK(most_kib < 256 * 1024);
}

TEST_CASE("a journal that hangs: reads are answered, writes are in doubt, and a signal ends it") {
  skip_under_sanitizers();
  restartable_server s;
  s.restart(faulty("sync@*/journal/*.log=wait600000#4+"));
  auto http = s.client();
  const auto create = [&] {
    return http.send("POST", "/v1/batches", R"({"spec":{"outputs":[{"format":"webp"}]}})").status;
  };
  int status = 201;
  for (int n = 0; n < 5 && status == 201; ++n)
    status = create();
  CHECK(status == 503);
  CHECK(http.send("GET", "/v1/batches").status == 200);
  s.server().signal(SIGTERM);
  CHECK(s.server().wait(std::chrono::milliseconds(60'000)) == 75);
  // What was acknowledged is there.
  s.restart();
  CHECK(s.serves());
}
