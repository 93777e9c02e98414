// A server whose binary, environment and life a test changes while its data stay.
#pragma once

#include "app/crash_test/server_process.hpp"
#include "app/http_client.hpp"
#include "app/server_answers.hpp"
#include "tests/app/process.hpp"
#include "trial.hpp"

#include <memory>

namespace darkroom::tests {

class restartable_server {
public:
  explicit restartable_server(std::string binary = DARKROOM_BINARY,
                              std::vector<std::string> arguments = {})
      : binary_(std::move(binary)), arguments_(std::move(arguments)) {
    arguments_.insert(arguments_.end(), {"--set", "data.disk_floor_bytes=0"});
    restart();
    REQUIRE(serves());
    token_ = server_->token();
  }
  // Kills it, if it runs, and starts it with this in its environment.
  void restart(const std::vector<std::string>& environment = {}) {
    server_.reset();
    server_ = std::make_unique<app::server_process>(
        app::server_launch{binary_, folder / "data", folder / "log", arguments_, environment});
  }
  bool serves() { return server_->wait_until_it_serves(std::chrono::milliseconds(60'000)); }
  app::server_process& server() { return *server_; }
  const std::string& token() const { return token_; }
  app::http_client client() {
    REQUIRE(serves());
    return app::http_client({server_->address(), token_});
  }
  // A batch with these files, by index and ending; its id. It does not run yet.
  std::string draft(const std::vector<std::string>& contents, const std::string& format,
                    const std::string& ending = {}) {
    auto http = client();
    const auto made = http.send("POST", "/v1/batches",
                                R"({"spec":{"outputs":[{"format":")" + format + R"("}]}})");
    INFO(made.body);
    REQUIRE(made.status == 201);
    const auto id = app::text_of(app::parsed(made.body), "id");
    for (std::size_t i = 0; i < contents.size(); ++i) {
      const auto file = folder.write("upload", contents[i]);
      const auto put = http.put_file("/v1/batches/" + id + "/files/" + std::to_string(i) + ending,
                                     file, contents[i].size());
      INFO(put.body);
      REQUIRE(put.status == 201);
    }
    return id;
  }
  void start(const std::string& id) {
    REQUIRE(client().send("POST", "/v1/batches/" + id + "/start").status == 202);
  }
  // Whether a batch ends within a minute, over restarts as well.
  bool ends(const std::string& id) {
    auto http = client();
    return comes_true([&] {
      const auto reply = http.send("GET", "/v1/batches/" + id, {}, {"Prefer: wait=5"});
      return reply.status == 0 || app::has_ended(app::text_of(app::parsed(reply.body), "state"));
    });
  }
  // "state reason", of each file.
  std::vector<std::string> outcomes(const std::string& id) {
    std::vector<std::string> all;
    const auto reply = client().send("GET", "/v1/batches/" + id + "/files");
    const auto page = app::parsed(reply.body);
    for (const auto& row : app::member_of(page, "files").as_array())
      all.push_back(app::text_of(row, "state") + ' ' + app::text_of(row, "reason"));
    return all;
  }

  scratch folder;

private:
  std::string binary_;
  std::vector<std::string> arguments_;
  std::unique_ptr<app::server_process> server_;
  std::string token_;
};

} // namespace darkroom::tests
