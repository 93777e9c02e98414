#include "app/crash_test/server_process.hpp"

#include <csignal>
#include <thread>

namespace darkroom::app {

namespace {

using std::chrono::milliseconds;
constexpr auto death_time = milliseconds(10'000);

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

child_launch launch_of(const server_launch& launch, const std::string& out) {
  child_launch child{{launch.binary, "serve", "--data", launch.data, "--listen", "127.0.0.1:0"},
                     launch.environment,
                     "",
                     out,
                     launch.log};
  child.words.insert(child.words.end(), launch.arguments.begin(), launch.arguments.end());
  const auto inherited = plain_environment();
  child.environment.insert(child.environment.end(), inherited.begin(), inherited.end());
  return child;
}

} // namespace

server_process::server_process(const server_launch& launch)
    : log_(launch.log), out_(launch.log + ".out"), process_(launch_of(launch, out_)) {}

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
    std::this_thread::sleep_for(process_poll_interval);
  }
  return true;
}

std::string server_process::token() {
  const auto text = content_of(out_);
  return text.substr(0, text.find('\n'));
}

void server_process::kill_hosts(std::uint32_t which) {
  if (!running()) return;
  for (const auto host : family_of(pid()).hosts) {
    if ((which & 1) != 0) ::kill(host, SIGKILL);
    which >>= 1;
  }
}

void server_process::kill() {
  if (!running()) return;
  const auto family = family_of(pid());
  process_.signal_group(SIGKILL);
  process_.wait(death_time);
  // They end with their parent; until then they hold on to the disk.
  const auto end = std::chrono::steady_clock::now() + death_time;
  for (const auto* list : {&family.zygotes, &family.hosts})
    for (const auto pid : *list)
      while (lives(pid) && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(process_poll_interval);
}

} // namespace darkroom::app
