// The n-th write, sync, rename or open fails: no false acknowledgement, no crash, and the server
// goes on by itself.
#include "app/http_client.hpp"
#include "trial.hpp"

using namespace darkroom;
using namespace darkroom::tests;

namespace {

using std::chrono::milliseconds;
constexpr auto recovery_time = milliseconds(60'000); // on a machine with much else to do

// Whether the server says that it is ready, within that time.
bool is_ready(const std::string& address) {
  app::http_client client({address, ""});
  const auto end = std::chrono::steady_clock::now() + recovery_time;
  while (client.send("GET", "/readyz").status != 200)
    if (std::chrono::steady_clock::now() > end) return false;
  return true;
}

// One life for each rule.
void fail_each(const std::vector<std::string>& rules, std::uint32_t seed) {
  const scratch folder;
  auto options = trial_options(folder, static_cast<std::uint32_t>(rules.size()), seed);
  options.life_environment = [&](std::uint32_t cycle) { return faulty(rules[cycle]); };
  std::size_t refused = 0;
  options.end_life = [&](app::server_process& server, std::atomic<bool>&) -> std::string {
    // It may refuse to start on such a disk, in words.
    const bool serves = server.wait_until_it_serves(recovery_time);
    const auto address = server.address();
    if (!serves) {
      const int code = server.wait(recovery_time);
      refused += 1;
      return code == 1 || code == 75 ? ""
                                     : "it ended while it started, with " + std::to_string(code);
    }
    if (!server.running())
      return "the server ended by itself: " + content_of(folder / "server.log");
    if (!is_ready(address))
      return "it does not get well again: " + content_of(folder / "server.log");
    server.kill();
    return "";
  };
  keeps_its_promise(options);
  std::printf("%zu rules, %zu refused to start\n", rules.size(), refused);
}

constexpr const char* calls[] = {"write", "sync", "rename", "open"};

std::vector<std::string> rules_for(const std::vector<unsigned>& times, int error) {
  std::vector<std::string> rules;
  for (const auto* call : calls)
    for (const auto n : times)
      rules.push_back(std::string{call} + "@*/data/*=" + std::to_string(error) + '#' +
                      std::to_string(n));
  return rules;
}

} // namespace

TEST_CASE("an I/O error here and there: nothing acknowledged is lost, and the server gets well") {
  skip_under_sanitizers();
  fail_each(rules_for({3, 20, 60}, EIO), 1);
}

TEST_CASE("the disk is read-only for a while: the server goes on by itself") {
  skip_under_sanitizers();
  std::vector<std::string> rules;
  for (const auto* from : {"1", "40", "200"}) {
    std::string all;
    for (const auto* call : {"write", "rename", "unlink", "mkdir"})
      all += std::string{call} + "@*/data/*=" + std::to_string(EROFS) + '#' + from + "-" +
             std::to_string(std::stoi(from) + 60) + ' ';
    rules.push_back(all);
  }
  fail_each(rules, 3);
}

TEST_CASE("full: an I/O error at every write, sync, rename and open up to the 50th, then every 7th",
          "[.full]") {
  skip_under_sanitizers();
  std::vector<unsigned> times;
  for (unsigned n = 1; n <= 50; ++n)
    times.push_back(n);
  for (unsigned n = 57; n <= 260; n += 7)
    times.push_back(n);
  fail_each(rules_for(times, EIO), 2);
}
