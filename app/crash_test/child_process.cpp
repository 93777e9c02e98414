#include "app/crash_test/child_process.hpp"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

extern char** environ;

namespace darkroom::app {

namespace {

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> list;
  list.reserve(words.size() + 1);
  for (auto& word : words)
    list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

} // namespace

std::string content_of(const std::string& file) {
  const std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

child_process::child_process(const child_launch& launch) {
  auto words = launch.words, variables = launch.environment;
  const auto argv = pointers_to(words), envp = pointers_to(variables);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  if (!launch.directory.empty())
    posix_spawn_file_actions_addchdir_np(&actions, launch.directory.c_str());
  constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, launch.out.c_str(), flags, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, launch.err.c_str(), flags, 0600);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  if (::posix_spawnp(&pid_, words.front().c_str(), &actions, &attributes, argv.data(),
                     envp.data()) != 0) {
    pid_ = -1;
    ended_ = true;
  }
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
}

child_process::~child_process() {
  if (ended_) return;
  signal_group(SIGKILL);
  ::waitpid(pid_, &status_, 0);
}

bool child_process::running() {
  if (!ended_) ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
  return !ended_;
}

void child_process::signal(int number) const {
  if (!ended_) ::kill(pid_, number);
}

void child_process::signal_group(int number) const {
  if (!ended_) ::kill(-pid_, number);
}

int child_process::wait(std::chrono::milliseconds most) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (running()) {
    if (std::chrono::steady_clock::now() > end) return -1;
    std::this_thread::sleep_for(process_poll_interval);
  }
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

std::vector<std::string> plain_environment() {
  std::vector<std::string> variables;
  for (char** v = environ; *v != nullptr; ++v)
    if (std::strncmp(*v, "DARKROOM_", 9) != 0) variables.emplace_back(*v);
  return variables;
}

std::map<pid_t, process_row> all_processes() {
  std::map<pid_t, process_row> rows;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end;
       at.increment(error)) {
    const auto text = at->path().filename().string();
    if (text.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto stat = content_of("/proc/" + text + "/stat");
    const auto open = stat.find('('), close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close + 4 > stat.size())
      continue;
    rows[std::stoi(text)] = {std::atoi(stat.c_str() + close + 4),
                             stat.substr(open + 1, close - open - 1)};
  }
  return rows;
}

bool lives(pid_t pid) {
  const auto stat = content_of("/proc/" + std::to_string(pid) + "/stat");
  const auto close = stat.rfind(')');
  return close != std::string::npos && close + 2 < stat.size() && stat[close + 2] != 'Z';
}

} // namespace darkroom::app
