#include "app/crash_test/server_process.hpp"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

extern char** environ;

namespace darkroom::app {

namespace {

using std::chrono::milliseconds;
constexpr auto look_interval = milliseconds(2);

// Of a file in /proc, reading may fail half-way: then it is what was read so far.
std::string content_of(const std::string& file) {
  const std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> list;
  list.reserve(words.size() + 1);
  for (auto& word : words)
    list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

struct process_row {
  pid_t parent = 0;
  std::string name;
};

std::map<pid_t, process_row> all_processes() {
  std::map<pid_t, process_row> rows;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end;
       at.increment(error)) {
    const auto text = at->path().filename().string();
    if (text.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto stat = content_of(at->path().string() + "/stat");
    const auto open = stat.find('('), close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close + 4 > stat.size())
      continue;
    rows[std::stoi(text)] = {std::atoi(stat.c_str() + close + 4),
                             stat.substr(open + 1, close - open - 1)};
  }
  return rows;
}

// The zygote of a server, and the codec hosts that it has forked.
struct process_family {
  std::vector<pid_t> zygotes, hosts;
};

process_family family_of(pid_t server) {
  const auto rows = all_processes();
  process_family family;
  for (const auto& [pid, row] : rows) {
    const auto parent = rows.find(row.parent);
    if (row.parent == server) family.zygotes.push_back(pid);
    if (row.name == "darkroom-host" && parent != rows.end() && parent->second.parent == server)
      family.hosts.push_back(pid);
  }
  return family;
}

// A process that has ended and is not yet waited for counts as gone.
bool lives(pid_t pid) {
  const auto stat = content_of("/proc/" + std::to_string(pid) + "/stat");
  const auto close = stat.rfind(')');
  return close != std::string::npos && close + 2 < stat.size() && stat[close + 2] != 'Z';
}

} // namespace

server_process::server_process(const server_launch& launch)
    : log_(launch.log), out_(launch.log + ".out") {
  std::vector<std::string> words{launch.binary, "serve",    "--data",
                                 launch.data,   "--listen", "127.0.0.1:0"};
  words.insert(words.end(), launch.arguments.begin(), launch.arguments.end());
  auto variables = launch.environment;
  for (char** v = environ; *v != nullptr; ++v)
    if (std::strncmp(*v, "DARKROOM_", 9) != 0) variables.emplace_back(*v);
  const auto argv = pointers_to(words);
  const auto envp = pointers_to(variables);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  if (::posix_spawn(&pid_, launch.binary.c_str(), &actions, &attributes, argv.data(),
                    envp.data()) != 0)
    pid_ = -1;
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
}

server_process::~server_process() {
  kill();
}

std::string server_process::address() {
  const auto text = content_of(log_);
  constexpr std::string_view mark = "darkroom serves on ";
  const auto at = text.find(mark);
  if (at == std::string::npos) return "";
  const auto end = text.find(',', at);
  return end == std::string::npos ? "" : text.substr(at + mark.size(), end - at - mark.size());
}

bool server_process::wait_until_it_serves(milliseconds most) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (address().empty()) {
    if (!running() || std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(look_interval);
  }
  return true;
}

std::string server_process::token() {
  const auto text = content_of(out_);
  return text.substr(0, text.find('\n'));
}

bool server_process::running() {
  if (pid_ <= 0) return false;
  if (::waitpid(pid_, &status_, WNOHANG) != pid_) return true;
  pid_ = -1;
  return false;
}

void server_process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

void server_process::kill_hosts(std::uint32_t which) const {
  if (pid_ <= 0) return;
  for (const auto host : family_of(pid_).hosts) {
    if ((which & 1) != 0) ::kill(host, SIGKILL);
    which >>= 1;
  }
}

void server_process::kill() {
  if (pid_ <= 0) return;
  const auto family = family_of(pid_);
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, &status_, 0);
  pid_ = -1;
  // They end with their parent; until then they hold on to the disk.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  for (const auto* list : {&family.zygotes, &family.hosts})
    for (const auto pid : *list)
      while (lives(pid) && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(look_interval);
}

int server_process::wait(milliseconds most) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (running()) {
    if (std::chrono::steady_clock::now() > end) return -1;
    std::this_thread::sleep_for(look_interval);
  }
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

} // namespace darkroom::app
