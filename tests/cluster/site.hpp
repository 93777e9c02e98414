// A server and its workers, as their users start them.
#pragma once

#include "tests/cluster/network.hpp"
#include "tests/faults/restartable_server.hpp"

#include <boost/json.hpp>

namespace darkroom::tests {

class site {
public:
  // `here`: slots on the server itself.
  explicit site(bool here = false, std::vector<std::string> arguments = {});

  // Without a machine it runs beside the server.
  void start_worker(const std::string& name, int machine = 0,
                    const std::vector<std::string>& more = {"--slots", "2"}, int port = 7411);
  app::child_process& worker(const std::string& name) { return *workers_.at(name); }
  void stop_worker(const std::string& name) { workers_.erase(name); } // kill -9 of its group
  std::string log_of(const std::string& name) const {
    return content_of(folder() / (name + ".log"));
  }
  // The process that has the link.
  pid_t session_of(const std::string& name);
  std::string authority() const { return authority_ / "authority"; }
  std::string issue(const std::string& name, const std::vector<std::string>& more = {});
  // Runs `darkroom WORDS`; its output.
  ended run(const std::vector<std::string>& words);

  boost::json::object node(const std::string& name);
  bool comes_to(const std::string& name, const std::string& state, int seconds = 30);
  // A running batch of these files, made into WebP.
  std::string submit(const std::vector<std::string>& contents, const std::string& ending = ".png");
  bool completes(const std::string& batch, int seconds);
  // Its record: each file completed once, and nothing of it is left behind. Returns "name sha256",
  // sorted.
  std::vector<std::string> outputs(const std::string& batch);
  std::uint64_t done_of(const std::string& batch);

  network& wires() { return *network_; }
  restartable_server& server() { return *server_; }
  const scratch& folder() const { return server_->folder; }

private:
  std::unique_ptr<network> network_; // before everything that runs in it
  scratch authority_;
  std::unique_ptr<restartable_server> server_;
  std::map<std::string, std::unique_ptr<app::child_process>> workers_;
};

// So many different pictures that take a few tens of milliseconds each.
std::vector<std::string> pictures(std::size_t count, std::uint32_t side = 300);

} // namespace darkroom::tests
