#include "process.hpp"

#include "tests/support/scratch.hpp"

#include <thread>

namespace darkroom::tests {

namespace {

constexpr auto poll_interval = std::chrono::milliseconds(2);

app::child_launch launch_of(const std::vector<std::string>& arguments, const std::string& directory,
                            const std::vector<std::string>& variables) {
  app::child_launch launch{{DARKROOM_BINARY},
                           app::plain_environment(),
                           directory,
                           directory + "/.out",
                           directory + "/.err"};
  launch.words.insert(launch.words.end(), arguments.begin(), arguments.end());
  launch.environment.insert(launch.environment.end(), variables.begin(), variables.end());
  return launch;
}

} // namespace

process::process(const std::vector<std::string>& arguments, const std::string& directory,
                 const std::vector<std::string>& variables)
    : out_(directory + "/.out"), err_(directory + "/.err"),
      child_(launch_of(arguments, directory, variables)) {
  REQUIRE(child_.pid() > 0);
}

ended process::wait(std::chrono::seconds most) {
  const auto code = child_.wait(most);
  REQUIRE(code != -1);
  return {code, content_of(out_), content_of(err_)};
}

std::string process::out() const {
  return content_of(out_);
}

ended run_darkroom(const std::vector<std::string>& arguments, const std::string& directory,
                   std::chrono::seconds most) {
  return process(arguments, directory).wait(most);
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
  const auto rows = app::all_processes();
  std::vector<pid_t> found;
  for (const auto& [pid, row] : rows) {
    if (row.name != name) continue;
    auto up = rows.find(pid);
    while (up != rows.end() && up->first != root)
      up = rows.find(up->second.parent);
    if (up != rows.end()) found.push_back(pid);
  }
  return found;
}

} // namespace darkroom::tests
