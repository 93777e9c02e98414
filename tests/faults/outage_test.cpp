// What happens to a machine is no file's fault: hosts are killed and stopped by others.
#include "restartable_server.hpp"
#include "tests/codecs/pictures.hpp"

#include <csignal>
#include <sstream>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

// Takes a few hundred milliseconds to convert.
std::string slow_picture(std::uint32_t side) {
  return encoded("png", noise(codecs::pixel_layout::rgb, side, side));
}

// That a process has used, in hundredths of a second (proc(5), stat: the 14th field).
std::uint64_t processor_ticks(pid_t pid) {
  std::istringstream in(content_of("/proc/" + std::to_string(pid) + "/stat"));
  std::string field;
  for (int n = 0; n < 13; ++n)
    in >> field;
  std::uint64_t ticks = 0;
  in >> ticks;
  return ticks;
}

std::vector<pid_t> zygotes_of(restartable_server& s) {
  return descendants(s.server().pid(), "darkroom-zygote");
}

std::vector<pid_t> hosts_of(restartable_server& s) {
  return descendants(s.server().pid(), "darkroom-host");
}

} // namespace

TEST_CASE("the process that forks hosts is killed, then stands still: it is replaced each time") {
  restartable_server s;
  for (const int signal : {SIGKILL, SIGSTOP}) {
    INFO("signal " << signal);
    const auto before = zygotes_of(s);
    REQUIRE(before.size() == 1);
    ::kill(before.front(), signal);
    for (const auto host : hosts_of(s))
      ::kill(host, SIGKILL);
    const auto id = s.draft({slow_picture(20), slow_picture(30)}, "webp");
    s.start(id);
    CHECK(s.ends(id));
    CHECK(s.outcomes(id) == std::vector<std::string>{"completed ", "completed "});
    CHECK(zygotes_of(s).size() == 1);
    CHECK(zygotes_of(s) != before);
  }
  // One that stands still does not keep the server from its end.
  ::kill(zygotes_of(s).front(), SIGSTOP);
  s.server().signal(SIGTERM);
  CHECK(s.server().wait(std::chrono::milliseconds(60'000)) == 0);
}

TEST_CASE("files whose hosts are killed from outside are given back, and run again alone") {
  restartable_server s(DARKROOM_BINARY, {"--set", "work.slots=2"});
  auto http = s.client();
  const auto made =
      http.send("POST", "/v1/batches",
                R"({"spec":{"outputs":[{"format":"webp","lossless":true,"effort":6}]}})");
  const auto id = app::text_of(app::parsed(made.body), "id");
  const auto content = slow_picture(900);
  const auto file = s.folder.write("upload", content);
  for (int i = 0; i < 4; ++i)
    REQUIRE(http.put_file("/v1/batches/" + id + "/files/" + std::to_string(i) + ".png", file,
                          content.size())
                .status == 201);
  s.start(id);
  // In the middle of their work.
  std::vector<pid_t> busy;
  REQUIRE(comes_true([&] {
    busy.clear();
    for (const auto host : hosts_of(s))
      if (processor_ticks(host) >= 10) busy.push_back(host);
    return busy.size() == 2;
  }));
  for (const auto host : busy)
    ::kill(host, SIGKILL);
  CHECK(s.ends(id));
  CHECK(s.outcomes(id) == std::vector<std::string>(4, "completed "));
  const auto events = http.send("GET", "/v1/batches/" + id + "/events").body;
  CHECK(events.find("host_killed") != std::string::npos);
  CHECK(events.find("file_retry_scheduled") == std::string::npos);
}
