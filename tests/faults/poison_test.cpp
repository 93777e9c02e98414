// Inputs that kill: their host every time, or the whole server.
#include "codecs/limits.hpp"
#include "persistence/digest.hpp"
#include "restartable_server.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/codecs/toy_formats.hpp"

#include <csignal>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

restartable_server poisoned() {
  return restartable_server(DARKROOM_EVIL, {"--set", "work.slots=2"});
}

std::string submit(restartable_server& p, const std::vector<std::string>& contents) {
  const auto id = p.draft(contents, "png");
  p.start(id);
  return id;
}

} // namespace

TEST_CASE("an input that kills its host every time ends as crashed, and harms nobody") {
  auto p = poisoned();
  const auto good = encoded("png", gradient(codecs::pixel_layout::rgb, 40, 40));
  std::vector<std::string> files(20, good);
  files[3] = evil_file("segv");
  files[11] = evil_file("abort");
  const auto mixed = submit(p, files);
  const auto other = submit(p, {good, good});
  REQUIRE(p.ends(mixed));
  REQUIRE(p.ends(other));
  const auto ended = p.outcomes(mixed);
  REQUIRE(ended.size() == files.size());
  for (std::size_t i = 0; i < files.size(); ++i)
    CHECK(ended[i] == (i == 3 || i == 11 ? "failed crashed" : "completed "));
  CHECK(p.outcomes(other) == std::vector<std::string>{"completed ", "completed "});
  const auto log = p.client().send("GET", "/v1/batches/" + mixed + "/events?limit=1000").body;
  CHECK(log.find("file_retry_scheduled") != std::string::npos);
}

TEST_CASE("an input that kills the whole server is found after at most three restarts") {
  skip_under_sanitizers();
  auto p = poisoned();
  const auto good = encoded("png", gradient(codecs::pixel_layout::rgb, 40, 40));
  // So large that its header is read before.
  const auto poison = toy_file(7) + std::string(limits::unread_bytes_max, '\0');
  persistence::sha256 sum;
  sum.add({reinterpret_cast<const std::uint8_t*>(poison.data()), poison.size()});
  const auto name = persistence::to_hex(sum.finish());
  // Whenever its bytes are opened for its conversion; the first time in a life they are probed.
  const auto rule = faulty("open@*/blobs/" + name.substr(0, 2) + '/' + name.substr(2) + "=kill#2+");
  std::vector<std::string> files(12, good);
  files[5] = poison;
  const auto id = p.draft(files, "png"); // until the deadly server is there
  int deaths = 0;
  p.restart(rule);
  {
    auto client = p.client();
    const auto started = client.send("POST", "/v1/batches/" + id + "/start");
    CHECK((started.status == 202 || started.status == 0));
  }
  while (deaths < 10) {
    if (p.server().wait(std::chrono::milliseconds(10)) == 128 + SIGKILL) {
      deaths += 1;
      p.restart(rule);
      continue;
    }
    if (!p.serves()) continue;
    auto client = p.client();
    const auto reply = client.send("GET", "/v1/batches/" + id, {}, {"Prefer: wait=1"});
    if (app::has_ended(app::text_of(app::parsed(reply.body), "state"))) break;
  }
  CHECK(deaths >= 1);
  CHECK(deaths <= 3);
  const auto ended = p.outcomes(id);
  REQUIRE(ended.size() == files.size());
  for (std::size_t i = 0; i < files.size(); ++i)
    CHECK(ended[i] == (i == 5 ? "failed crashed" : "completed "));
}
