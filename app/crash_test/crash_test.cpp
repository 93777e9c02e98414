#include "app/crash_test/crash_test.hpp"

#include "app/crash_test/crash_user.hpp"
#include "app/crash_test/examination.hpp"

#include <boost/json.hpp>

#include <csignal>
#include <memory>
#include <random>
#include <thread>

namespace darkroom::app {

namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr auto start_time = milliseconds(60'000);
constexpr auto stop_time = milliseconds(60'000);

class crash_test {
public:
  explicit crash_test(const crash_test_options& options) : o_(options), dice_(options.seed) {}

  crash_test_result run() {
    if (prepare())
      while (r_.cycles < o_.cycles && r_.complaint.empty()) {
        live();
        r_.cycles += 1;
        const bool due = r_.cycles % o_.check_every == 0 || r_.cycles == o_.cycles;
        if (r_.complaint.empty() && due) check();
      }
    for (const auto& user : ledgers_)
      for (const auto& [kind, n] : user.counts)
        r_.counts[kind] += n;
    return std::move(r_);
  }

private:
  std::uint32_t roll(std::uint32_t sides) { return static_cast<std::uint32_t>(dice_() % sides); }

  bool fail(const std::string& what) {
    if (r_.complaint.empty()) r_.complaint = what;
    return false;
  }

  std::string data() const { return o_.data.empty() ? o_.directory + "/data" : o_.data; }

  std::unique_ptr<server_process> start(const std::vector<std::string>& more = {}) {
    server_launch launch{o_.binary, data(), o_.directory + "/server.log", {}, o_.environment};
    launch.environment.insert(launch.environment.end(), more.begin(), more.end());
    for (const auto* setting :
         {"rate.ip_per_s=1000000", "rate.ip_burst=1000000", "rate.user_per_s=1000000",
          "rate.user_burst=1000000", "log.requests=false", "data.disk_floor_bytes=0"}) {
      launch.arguments.emplace_back("--set");
      launch.arguments.emplace_back(setting);
    }
    launch.arguments.insert(launch.arguments.end(), o_.arguments.begin(), o_.arguments.end());
    return std::make_unique<server_process>(launch);
  }

  std::unique_ptr<server_process> start_and_wait() {
    auto server = start();
    if (server->wait_until_it_serves(start_time)) return server;
    fail("the server does not start again; see " + o_.directory + "/server.log");
    return nullptr;
  }

  bool stop(server_process& server) {
    server.signal(SIGTERM);
    const int code = server.wait(stop_time);
    return code == 0 || fail("stopped in order, the server ended with " + std::to_string(code));
  }

  // Samples, users, and what undisturbed work makes of the samples.
  bool prepare() {
    auto samples = o_.images.empty() ? make_crash_samples(o_.directory + "/samples")
                                     : read_crash_samples(o_.images);
    if (!samples) return fail(samples.error());
    samples_ = std::move(*samples);
    auto server = start_and_wait();
    if (!server) return false;
    http_client admin({server->address(), server->token()});
    for (std::uint32_t i = 0; i < o_.users; ++i) {
      ledger user;
      user.user = "user" + std::to_string(i);
      const auto reply =
          admin.send("POST", "/v1/admin/tokens", R"({"user":")" + user.user + R"("})");
      if (reply.status != 201) return fail("a token cannot be made: " + reply.problem());
      user.token = json::parse(reply.body).at("token").as_string();
      ledgers_.push_back(std::move(user));
    }
    reference_ = make_reference(server->address(), server->token(), samples_, r_.complaint);
    return r_.complaint.empty() && stop(*server);
  }

  // One life of the server, to its sudden end.
  void live() {
    auto server =
        start(o_.life_environment ? o_.life_environment(r_.cycles) : std::vector<std::string>{});
    in_doubt_ = false;
    std::atomic<bool> stop = false;
    const auto born = std::chrono::steady_clock::now();
    // One life in ten ends while it begins.
    const auto life =
        roll(10) == 0 ? milliseconds(roll(120)) : milliseconds(120 + roll(o_.life_ms - 120));
    std::vector<std::thread> threads;
    std::vector<std::string> complaints(o_.users);
    std::vector<std::uint32_t> seeds(o_.users);
    for (auto& seed : seeds)
      seed = static_cast<std::uint32_t>(dice_());
    const auto way = roll(10);
    const auto hosts = static_cast<std::uint32_t>(dice_());
    const bool serves = server->wait_until_it_serves(life);
    if (serves)
      for (std::size_t i = 0; i < o_.users; ++i)
        threads.emplace_back([&, i] {
          complaints[i] =
              crash_user(ledgers_[i], samples_, server->address(), seeds[i], in_doubt_).run(stop);
        });
    const auto half = born + life / 2;
    if (serves && way < 3) {
      std::this_thread::sleep_until(half);
      server->kill_hosts(hosts);
      r_.host_kills += 1;
    }
    if (serves && o_.disturb) {
      std::this_thread::sleep_until(born + life * roll(100) / 100);
      o_.disturb(static_cast<std::uint32_t>(dice_()));
    }
    std::this_thread::sleep_until(born + life);
    if (o_.end_life) {
      if (auto wrong = o_.end_life(*server, in_doubt_); !wrong.empty()) fail(wrong);
    } else if (way == 9 && serves) { // it is killed while it stops in order
      server->signal(SIGTERM);
      std::this_thread::sleep_for(milliseconds(roll(60)));
      server->kill();
      r_.stops += 1;
    } else {
      server->kill();
    }
    r_.server_kills += 1;
    stop = true;
    for (auto& thread : threads)
      thread.join();
    for (const auto& complaint : complaints)
      if (!complaint.empty()) fail(complaint);
  }

  // Everything comes to its end, and is held to the record.
  void check() {
    in_doubt_ = false;
    auto server = start_and_wait();
    if (!server) return;
    for (auto& user : ledgers_)
      if (auto complaint = crash_user(user, samples_, server->address(),
                                      static_cast<std::uint32_t>(dice_()), in_doubt_)
                               .settle();
          !complaint.empty()) {
        fail(complaint);
        return;
      }
    examined found;
    if (auto complaint = examine_served(server->address(), ledgers_, reference_, found);
        !complaint.empty()) {
      fail(complaint);
      return;
    }
    if (!stop(*server)) return;
    if (auto complaint = examine_stored(data(), ledgers_); !complaint.empty()) fail(complaint);
    r_.checks += 1;
    r_.files += found.files;
    r_.completed += found.completed;
    r_.crashed += found.crashed;
    r_.events += found.events;
    if (o_.announce)
      o_.announce("cycle " + std::to_string(r_.cycles) + ": " + std::to_string(found.batches) +
                  " batches, " + std::to_string(found.files) + " files, " +
                  std::to_string(found.events) + " events are as they should be");
  }

  const crash_test_options& o_;
  std::mt19937 dice_;
  crash_test_result r_;
  std::vector<crash_sample> samples_;
  std::vector<ledger> ledgers_;
  reference_table reference_;
  std::atomic<bool> in_doubt_ = false;
};

} // namespace

crash_test_result run_crash_test(const crash_test_options& options) {
  auto result = crash_test(options).run();
  if (!result.complaint.empty())
    result.complaint +=
        " (seed " + std::to_string(options.seed) + ", cycle " + std::to_string(result.cycles) + ')';
  return result;
}

std::string figures_of(const crash_test_result& r) {
  std::string text = std::to_string(r.cycles) + " cycles: the server killed " +
                     std::to_string(r.server_kills) + " times (" + std::to_string(r.stops) +
                     " of them while it stopped), its hosts " + std::to_string(r.host_kills) +
                     " times; " + std::to_string(r.checks) + " checks\n" + "at the checks " +
                     std::to_string(r.files) + " files, of them " + std::to_string(r.completed) +
                     " completed and " + std::to_string(r.crashed) + " failed: crashed; " +
                     std::to_string(r.events) + " events\nacknowledged:";
  for (const auto& [kind, n] : r.counts)
    text += (kind == r.counts.begin()->first ? " " : ", ") + std::to_string(n) + ' ' + kind;
  return text + '\n';
}

} // namespace darkroom::app
