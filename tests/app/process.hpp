// The product's binary as its users run it.
#pragma once

#include "app/crash_test/child_process.hpp"

#include <functional>

namespace darkroom::tests {

struct ended {
  int code = -1; // exit code; 128 + signal
  std::string out, err;
};

// A running process in a group of its own, its output going to files.
class process {
public:
  // `variables`: more of the environment, as "NAME=value".
  process(const std::vector<std::string>& arguments, const std::string& directory,
          const std::vector<std::string>& variables = {});

  pid_t pid() const { return child_.pid(); }
  void signal(int number) const { child_.signal(number); }             // to the process
  void signal_group(int number) const { child_.signal_group(number); } // to its whole group
  // Waits, at most so long.
  ended wait(std::chrono::seconds most = std::chrono::seconds(90));
  bool running() { return child_.running(); }
  std::string out() const;

private:
  std::string out_, err_;
  app::child_process child_;
};

// Runs to the end.
ended run_darkroom(const std::vector<std::string>& arguments, const std::string& directory,
                   std::chrono::seconds most = std::chrono::seconds(90));

// Waits for something to become true, with a deadline.
bool comes_true(const std::function<bool()>& condition,
                std::chrono::seconds deadline = std::chrono::seconds(60));

// Processes of this name whose ancestor is `root`.
std::vector<pid_t> descendants(pid_t root, const std::string& name);

} // namespace darkroom::tests
