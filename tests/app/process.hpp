// The product's binary as its users run it.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace darkroom::tests {

struct ended {
  int code = -1; // exit code; 128 + signal
  std::string out, err;
};

// A running process in a group of its own, its output going to files.
class process {
public:
  process(const std::vector<std::string>& arguments, const std::string& directory);
  ~process(); // kills what still runs
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;       // to the process
  void signal_group(int number) const; // to its whole group
  // Waits, at most a minute and a half.
  ended wait();
  bool running();
  std::string out() const;

private:
  pid_t pid_ = -1;
  std::string out_, err_;
  bool waited_ = false;
  int status_ = 0;
};

// Runs to the end.
ended run_darkroom(const std::vector<std::string>& arguments, const std::string& directory);

// Waits for something to become true, with a deadline.
bool comes_true(const std::function<bool()>& condition,
                std::chrono::seconds deadline = std::chrono::seconds(60));

// Processes of this name whose ancestor is `root`.
std::vector<pid_t> descendants(pid_t root, const std::string& name);

} // namespace darkroom::tests
