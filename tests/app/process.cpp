#include "process.hpp"

#include "tests/support/scratch.hpp"

#include <csignal>
#include <fcntl.h>
#include <map>
#include <set>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ;

namespace darkroom::tests {

namespace {

constexpr auto poll_interval = std::chrono::milliseconds(2);

} // namespace

process::process(const std::vector<std::string>& arguments, const std::string& directory)
    : out_(directory + "/.out"), err_(directory + "/.err") {
  std::vector<std::string> words{DARKROOM_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  REQUIRE(::posix_spawn(&pid_, DARKROOM_BINARY, &actions, &attributes, argv.data(), environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
}

process::~process() {
  if (waited_) return;
  signal_group(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void process::signal(int number) const {
  ::kill(pid_, number);
}
void process::signal_group(int number) const {
  ::kill(-pid_, number);
}

bool process::running() {
  if (waited_) return false;
  waited_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
  return !waited_;
}

ended process::wait() {
  REQUIRE(comes_true([this] { return !running(); }, std::chrono::seconds(90)));
  const int code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  return {code, content_of(out_), content_of(err_)};
}

std::string process::out() const {
  return content_of(out_);
}

ended run_darkroom(const std::vector<std::string>& arguments, const std::string& directory) {
  return process(arguments, directory).wait();
}

bool comes_true(const std::function<bool()>& condition, std::chrono::seconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(poll_interval); // between looks, not instead of them
  }
  return true;
}

std::vector<pid_t> descendants(pid_t root, const std::string& name) {
  std::map<pid_t, pid_t> parents;
  std::map<pid_t, std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto text = entry.path().filename().string();
    if (text.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto stat = content_of(entry.path() / "stat");
    const auto open = stat.find('('), close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos) continue;
    const pid_t pid = std::stoi(text);
    names[pid] = stat.substr(open + 1, close - open - 1);
    parents[pid] = std::stoi(stat.substr(close + 4));
  }
  std::vector<pid_t> found;
  for (const auto& [pid, of] : names) {
    if (of != name) continue;
    for (auto up = pid; parents.contains(up); up = parents[up])
      if (up == root) {
        found.push_back(pid);
        break;
      }
  }
  return found;
}

} // namespace darkroom::tests
