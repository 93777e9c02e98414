// A server as a process of its own, that may be killed.
#pragma once

#include "app/crash_test/child_process.hpp"

#include <cstdint>

namespace darkroom::app {

struct server_launch {
  std::string binary;                   // of darkroom
  std::string data;                     // its folder
  std::string log;                      // file for what it says
  std::vector<std::string> arguments;   // more of `serve`
  std::vector<std::string> environment; // "NAME=value", beside what it inherits
};

class server_process {
public:
  explicit server_process(const server_launch& launch);
  ~server_process(); // kills it, if it still runs
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;

  // http://HOST:PORT; empty while it does not serve.
  std::string address();
  // Waits until it serves; false when it has ended or takes too long.
  bool wait_until_it_serves(std::chrono::milliseconds most);
  // Of the first admin; printed at the first start only.
  std::string token();

  pid_t pid() const { return process_.pid(); }
  bool running() { return process_.running(); }
  void signal(int number) const { process_.signal(number); } // to it alone
  void kill_hosts(std::uint32_t which);                      // each whose bit is set
  // Kills it, and waits for its end and its hosts'.
  void kill();
  // Waits for its end; its exit code, or 128 + signal; -1 when it takes too long.
  int wait(std::chrono::milliseconds most) { return process_.wait(most); }

private:
  std::string log_, out_;
  child_process process_;
};

} // namespace darkroom::app
