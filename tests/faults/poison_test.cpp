// Inputs that kill: their host every time, or the whole server.
#include "app/http_client.hpp"
#include "app/server_answers.hpp"
#include "persistence/digest.hpp"
#include "tests/app/process.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/codecs/toy_formats.hpp"
#include "trial.hpp"

#include <csignal>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

using std::chrono::milliseconds;
constexpr auto start_time = milliseconds(60'000);

// A server with the evil format, that may be started again and again.
class poisoned {
public:
  poisoned() {
    restart();
    REQUIRE(serves());
    token_ = server_->token();
  }
  void restart(const std::vector<std::string>& environment = {}) {
    server_.reset();
    server_ = std::make_unique<app::server_process>(
        app::server_launch{DARKROOM_EVIL,
                           folder_ / "data",
                           folder_ / "log",
                           {"--set", "data.disk_floor_bytes=0", "--set", "work.slots=2"},
                           environment});
  }
  bool serves() { return server_->wait_until_it_serves(start_time); }
  app::server_process& server() { return *server_; }
  const scratch& folder() const { return folder_; }
  app::http_client client() {
    REQUIRE(serves());
    return app::http_client({server_->address(), token_});
  }

private:
  scratch folder_;
  std::unique_ptr<app::server_process> server_;
  std::string token_;
};

// Starts a batch of these files; returns its id.
std::string submit(app::http_client& client, const scratch& folder,
                   const std::vector<std::string>& contents) {
  const auto made =
      client.send("POST", "/v1/batches", R"({"spec":{"outputs":[{"format":"png"}]}})");
  REQUIRE(made.status == 201);
  const auto id = app::text_of(app::parsed(made.body), "id");
  for (std::size_t i = 0; i < contents.size(); ++i) {
    const auto file = folder.write("upload", contents[i]);
    const auto put = client.put_file("/v1/batches/" + id + "/files/" + std::to_string(i), file,
                                     contents[i].size());
    INFO(put.body);
    REQUIRE(put.status == 201);
  }
  REQUIRE(client.send("POST", "/v1/batches/" + id + "/start").status == 202);
  return id;
}

bool ends(app::http_client& client, const std::string& id) {
  return comes_true([&] {
    const auto reply = client.send("GET", "/v1/batches/" + id, {}, {"Prefer: wait=5"});
    return reply.status == 0 || app::has_ended(app::text_of(app::parsed(reply.body), "state"));
  });
}

// "state reason", of each file.
std::vector<std::string> outcomes(app::http_client& client, const std::string& id) {
  std::vector<std::string> all;
  const auto reply = client.send("GET", "/v1/batches/" + id + "/files");
  const auto page = app::parsed(reply.body);
  for (const auto& row : app::member_of(page, "files").as_array())
    all.push_back(app::text_of(row, "state") + ' ' + app::text_of(row, "reason"));
  return all;
}

} // namespace

TEST_CASE("an input that kills its host every time ends as crashed, and harms nobody") {
  poisoned p;
  auto client = p.client();
  const auto good = encoded("png", gradient(codecs::pixel_layout::rgb, 40, 40));
  std::vector<std::string> files(20, good);
  files[3] = evil_file("segv");
  files[11] = evil_file("abort");
  const auto mixed = submit(client, p.folder(), files);
  const auto other = submit(client, p.folder(), {good, good});
  REQUIRE(ends(client, mixed));
  REQUIRE(ends(client, other));
  const auto ended = outcomes(client, mixed);
  REQUIRE(ended.size() == files.size());
  for (std::size_t i = 0; i < files.size(); ++i)
    CHECK(ended[i] == (i == 3 || i == 11 ? "failed crashed" : "completed "));
  CHECK(outcomes(client, other) == std::vector<std::string>{"completed ", "completed "});
  const auto log = client.send("GET", "/v1/batches/" + mixed + "/events?limit=1000").body;
  CHECK(log.find("file_retry_scheduled") != std::string::npos);
}

TEST_CASE("an input that kills the whole server is found after at most three restarts") {
  skip_under_sanitizers();
  poisoned p;
  const auto good = encoded("png", gradient(codecs::pixel_layout::rgb, 40, 40));
  const auto poison = toy_file(7);
  persistence::sha256 sum;
  sum.add({reinterpret_cast<const std::uint8_t*>(poison.data()), poison.size()});
  const auto name = persistence::to_hex(sum.finish());
  // Whenever its bytes are opened for its conversion; the first time in a life they are probed.
  const auto rule = faulty("open@*/blobs/" + name.substr(0, 2) + '/' + name.substr(2) + "=kill#2+");
  REQUIRE(p.serves());
  auto first = p.client();
  std::vector<std::string> files(12, good);
  files[5] = poison;
  std::string id;
  {
    // Paused until the deadly server is there.
    const auto made =
        first.send("POST", "/v1/batches", R"({"spec":{"outputs":[{"format":"png"}]}})");
    id = app::text_of(app::parsed(made.body), "id");
    for (std::size_t i = 0; i < files.size(); ++i) {
      const auto file = p.folder().write("upload", files[i]);
      REQUIRE(
          first.put_file("/v1/batches/" + id + "/files/" + std::to_string(i), file, files[i].size())
              .status == 201);
    }
  }
  int deaths = 0;
  p.restart(rule);
  {
    auto client = p.client();
    const auto started = client.send("POST", "/v1/batches/" + id + "/start");
    CHECK((started.status == 202 || started.status == 0));
  }
  while (deaths < 10) {
    if (p.server().wait(milliseconds(10)) == 128 + SIGKILL) {
      deaths += 1;
      p.restart(rule);
      continue;
    }
    if (!p.server().wait_until_it_serves(start_time)) continue;
    auto client = p.client();
    const auto reply = client.send("GET", "/v1/batches/" + id, {}, {"Prefer: wait=1"});
    if (app::has_ended(app::text_of(app::parsed(reply.body), "state"))) break;
  }
  CHECK(deaths >= 1);
  CHECK(deaths <= 3);
  auto client = p.client();
  const auto ended = outcomes(client, id);
  REQUIRE(ended.size() == files.size());
  for (std::size_t i = 0; i < files.size(); ++i)
    CHECK(ended[i] == (i == 5 ? "failed crashed" : "completed "));
}
