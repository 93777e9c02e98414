// A process of our own, in a session and group of its own, without a terminal, its words going to
// files, that may be killed.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace darkroom::app {

// How often a process is asked whether it has ended, or answers.
inline constexpr std::chrono::milliseconds process_poll_interval{2};

struct child_launch {
  std::vector<std::string> words;       // the first names the program
  std::vector<std::string> environment; // "NAME=value"; the whole
  std::string directory;                // where it starts; empty: where we are
  std::string out, err;                 // files for what it says
};

class child_process {
public:
  explicit child_process(const child_launch& launch);
  ~child_process(); // kills its group, if it still runs
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  pid_t pid() const { return pid_; } // -1 when it could not start
  bool running();
  void signal(int number) const;       // to it alone
  void signal_group(int number) const; // to it and all that it has started in its group
  // Waits for its end; its exit code, or 128 + signal; -1 when it takes too long.
  int wait(std::chrono::milliseconds most);

private:
  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
};

// What was read until the end or an error: reading from /proc may fail half-way.
std::string content_of(const std::string& file);

// What this process inherits, without what sets Darkroom's own settings.
std::vector<std::string> plain_environment();

// Every process that there is now.
struct process_row {
  pid_t parent = 0;
  std::string name;
};
std::map<pid_t, process_row> all_processes();

// A process that has ended and is not yet waited for counts as gone.
bool lives(pid_t pid);

} // namespace darkroom::app
